//! What a command reads: files and stdin.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::Failure;
use super::json::{self, Described};

/// The message that a file holds as JSON; `-` is stdin.
pub(super) fn message<M: Described>(path: &Path) -> Result<M, Failure> {
    let text = if path == Path::new("-") {
        stdin()?
    } else {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?
    };
    json::decode(&text)
        .map_err(|error| Failure::Usage(format!("{} is no {}: {error}", path.display(), M::NAME)))
}

/// Everything that stdin holds.
pub(super) fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("cannot read stdin: {error}")))?;
    Ok(text)
}

/// Offsets by partition, none of which may be named with two.
pub(super) fn by_partition(offsets: Vec<(i32, i64)>) -> Result<BTreeMap<i32, i64>, Failure> {
    let mut map = BTreeMap::new();
    for (partition, offset) in offsets {
        if map.insert(partition, offset).is_some_and(|before| before != offset) {
            return Err(Failure::Usage(format!("partition {partition} has two offsets")));
        }
    }
    Ok(map)
}
