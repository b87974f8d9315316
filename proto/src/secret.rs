//! Keeps secrets out of `Debug` output, and so out of logs.

use std::fmt;

use crate::v1::{Secret, secret::Source};

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Secret");
        match &self.source {
            Some(Source::Plain(_)) => out.field("plain", &"[redacted]"),
            Some(Source::Environment(name)) => out.field("environment", name),
            Some(Source::File(path)) => out.field("file", path),
            Some(Source::Withheld(_)) => out.field("withheld", &true),
            None => &mut out,
        };
        out.finish()
    }
}
