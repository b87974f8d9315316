//! Texts from outside, kept short.

/// Cuts `text` where it is longer than `most` bytes, between two characters.
pub(crate) fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(boundary(text, most));
    }
}

/// `text`, cut where it is longer than `most` bytes, with a sign of that.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}...", &text[..boundary(text, most)])
}

fn boundary(text: &str, most: usize) -> usize {
    (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut text = "aäöü".to_owned();
        assert_eq!(shortened(&text, 4), "aä...");
        shorten(&mut text, 4);
        assert_eq!(text, "aä");
        shorten(&mut text, 3);
        assert_eq!(shortened(&text, 3), "aä");
    }
}
