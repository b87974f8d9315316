//! Puts what flags say into the fields of a message.

/// Which fields were set.
#[derive(Debug, Default)]
pub(super) struct Edit {
    paths: Vec<String>,
}

/// The fields of one part of a connector.
pub(super) struct Fields<'a> {
    edit: &'a mut Edit,
    part: &'a str,
}

impl Edit {
    /// The fields of the part at this path.
    pub(super) fn part<'a>(&'a mut self, part: &'a str) -> Fields<'a> {
        Fields { edit: self, part }
    }

    /// Notes that the field at this path was set.
    pub(super) fn changed(&mut self, path: &str) {
        self.paths.push(path.to_owned());
    }

    /// The fields that were set, as an update's mask names them.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }
}

impl Fields<'_> {
    /// Sets the field of this name, if a flag says something about it.
    pub(super) fn set<T>(&mut self, name: &str, field: &mut T, given: Option<impl Into<T>>) {
        if let Some(given) = given {
            *field = given.into();
            self.changed(name);
        }
    }

    /// Notes that the field of this name was set.
    pub(super) fn changed(&mut self, name: &str) {
        self.edit.changed(&format!("{}.{name}", self.part));
    }
}

/// What has nothing set is not sent.
pub(super) fn unless_empty<T: Default + PartialEq>(message: T) -> Option<T> {
    (message != T::default()).then_some(message)
}
