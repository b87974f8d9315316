//! What users say of instances and connectors: labels, and a description.

use std::collections::BTreeMap;

use crate::ErrorCode;
use crate::violation::Violations;

const MAX_LABELS: usize = 64;
const MAX_LABEL_BYTES: usize = 63;
const MAX_DESCRIPTION_BYTES: usize = 1_024;

/// Checks the labels of an instance or connector: at most 64, keys of 1 to 63
/// bytes, values up to 63 bytes. Field path `labels`.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Violations {
    let mut violations = Violations::new();
    let mut add = |message| violations.add("labels", ErrorCode::FieldInvalid, message);
    if labels.len() > MAX_LABELS {
        add(format!("has {} entries; {MAX_LABELS} are allowed", labels.len()));
    }
    if labels.keys().any(|key| key.is_empty() || key.len() > MAX_LABEL_BYTES) {
        add(format!("has a key that is not of 1 to {MAX_LABEL_BYTES} bytes"));
    }
    if let Some((key, _)) = labels.iter().find(|(_, value)| value.len() > MAX_LABEL_BYTES) {
        let key: String = key.chars().take(MAX_LABEL_BYTES).collect();
        add(format!("the value of `{key}` is above {MAX_LABEL_BYTES} bytes"));
    }
    violations
}

/// Checks the description of an instance or connector: at most 1,024 bytes. Field path
/// `description`.
pub fn check_description(description: &str) -> Violations {
    let mut violations = Violations::new();
    if description.len() > MAX_DESCRIPTION_BYTES {
        let length = description.len();
        let message = format!("has {length} bytes; {MAX_DESCRIPTION_BYTES} are allowed");
        violations.add("description", ErrorCode::FieldInvalid, message);
    }
    violations
}
