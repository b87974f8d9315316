//! The connector that a file and flags describe.
//!
//! - [`edit`]: puts what flags say into fields, and remembers which.
//! - [`parts`], [`objects`]: the fields of a spec, part by part.
//! - [`credentials`]: an AccessKey, or where it is.
//! - [`choices`]: words of flags as values of the API.

mod choices;
mod credentials;
mod edit;
mod objects;
mod parts;

use std::path::Path;

use kafka2oss_proto::v1;

use crate::args::{ConnectorFlags, FieldFlags};
use crate::client::{Failure, input};
pub(in crate::client) use credentials::credentials;
use edit::Edit;

/// The file's connector, or an empty one, with what the flags say. Messages
/// that nothing is said about stay unset, so that the control plane fills in
/// their defaults.
pub(super) fn build(flags: ConnectorFlags) -> Result<v1::Connector, Failure> {
    let ConnectorFlags { file, fields } = flags;
    if file.as_deref() == Some(Path::new("-")) && fields.access_key.access_key_secret_stdin {
        return Err(Failure::Usage("stdin cannot be both the file and the secret".to_owned()));
    }
    let mut connector = match &file {
        Some(path) => input::message(path)?,
        None => v1::Connector::default(),
    };
    put(fields, &mut connector)?;
    Ok(connector)
}

/// The connector that the flags describe, and the paths of the fields that they
/// set.
pub(super) fn changes(flags: FieldFlags) -> Result<(v1::Connector, Vec<String>), Failure> {
    let mut connector = v1::Connector::default();
    let paths = put(flags, &mut connector)?;
    Ok((connector, paths))
}

/// Puts what the flags say into the connector; returns the paths of the fields
/// that they set.
fn put(flags: FieldFlags, connector: &mut v1::Connector) -> Result<Vec<String>, Failure> {
    let FieldFlags {
        labels,
        description,
        source,
        destination,
        access_key,
        runtime,
        resources,
        objects,
    } = flags;
    let mut edit = Edit::default();
    if !labels.is_empty() {
        connector.labels.extend(labels);
        edit.changed("labels");
    }
    if let Some(description) = description {
        connector.description = description;
        edit.changed("description");
    }
    let spec = connector.spec.get_or_insert_default();
    parts::source(&mut edit, spec, source);
    parts::destination(&mut edit, spec, destination, access_key)?;
    parts::runtime(&mut edit, spec, runtime)?;
    parts::resources(&mut edit, spec, resources);
    objects::output(&mut edit, spec, objects)?;
    Ok(edit.into_paths())
}

#[cfg(test)]
mod tests;
