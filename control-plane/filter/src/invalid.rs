//! Why a text is none that can be used.

/// A text that is refused, with the place that it is refused for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {message}")]
pub struct Invalid {
    /// The place, in bytes from the beginning; the text's length for its end. It
    /// never stands within a character.
    pub at: usize,
    /// What was expected there.
    pub message: String,
}

impl Invalid {
    /// At this place.
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}
