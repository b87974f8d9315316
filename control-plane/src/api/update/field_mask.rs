//! Which fields of a connector an update sets.
//!
//! A path names a field of the spec, or a part of it, with everything in it.
//! The credentials are one field: an access key's halves belong together.

use std::collections::BTreeMap;

use kafka2oss_proto::v1;

/// Fields of a message, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Mask {
    /// None of them.
    #[default]
    Nothing,
    /// These, and of each those.
    Fields(BTreeMap<String, Mask>),
    /// All of them.
    Everything,
}

impl Mask {
    /// From paths with dots.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut mask = Self::Nothing;
        for path in paths {
            mask.add(path);
        }
        mask
    }

    fn add(&mut self, path: &str) {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let fields = match self {
            Self::Everything => return,
            Self::Fields(fields) => fields,
            Self::Nothing => {
                *self = Self::Fields(BTreeMap::new());
                return self.add(path);
            }
        };
        let inner = fields.entry(first.to_owned()).or_default();
        if rest.is_empty() {
            *inner = Self::Everything;
        } else {
            inner.add(rest);
        }
    }

    /// What is named of a field.
    pub(super) fn at(&self, field: &str) -> &Self {
        match self {
            Self::Everything => &Self::Everything,
            Self::Fields(fields) => fields.get(field).unwrap_or(&Self::Nothing),
            Self::Nothing => &Self::Nothing,
        }
    }

    /// Whether all of it is named.
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::Everything
    }
}

/// A message whose fields paths can name.
pub(super) trait Masked: Clone + Default + PartialEq {
    /// Takes the fields that `mask` names from `given`, those that are not set
    /// there, too.
    fn set(&mut self, given: &Self, mask: &Mask);

    /// Adds the paths of the fields in which it differs from `other`, below
    /// `at`.
    fn differences(&self, other: &Self, at: &str, found: &mut Vec<String>);

    /// Adds every path that there is below `at`.
    fn paths(at: &str, found: &mut Vec<String>);
}

fn set_part<T: Masked>(part: &mut Option<T>, given: Option<&T>, mask: &Mask) {
    match mask {
        Mask::Nothing => {}
        Mask::Everything => *part = given.cloned(),
        // A part that stands nowhere is not made by clearing something in it.
        Mask::Fields(_) if part.is_none() && given.is_none() => {}
        Mask::Fields(_) => {
            let empty = T::default();
            part.get_or_insert_default().set(given.unwrap_or(&empty), mask);
        }
    }
}

fn differences_of_part<T: Masked>(
    part: Option<&T>,
    other: Option<&T>,
    at: &str,
    found: &mut Vec<String>,
) {
    let empty = T::default();
    part.unwrap_or(&empty).differences(other.unwrap_or(&empty), at, found);
}

/// Implements [`Masked`]: plain fields, then those that are messages. They are
/// taken apart whole, so that a new field does not compile before it is here.
macro_rules! masked {
    ($message:ty { $($field:ident),* $(,)? } $(parts { $($part:ident: $inner:ty),* $(,)? })?) => {
        impl Masked for $message {
            fn set(&mut self, given: &Self, mask: &Mask) {
                let Self { $($field,)* $($($part,)*)? } = given;
                $(if mask.at(stringify!($field)).is_everything() {
                    self.$field.clone_from($field);
                })*
                $($(set_part(&mut self.$part, $part.as_ref(), mask.at(stringify!($part)));)*)?
            }

            fn differences(&self, other: &Self, at: &str, found: &mut Vec<String>) {
                $(if self.$field != other.$field {
                    found.push(format!("{at}.{}", stringify!($field)));
                })*
                $($({
                    let (part, other) = (self.$part.as_ref(), other.$part.as_ref());
                    let at = format!("{at}.{}", stringify!($part));
                    differences_of_part(part, other, &at, found);
                })*)?
            }

            fn paths(at: &str, found: &mut Vec<String>) {
                $(found.push(format!("{at}.{}", stringify!($field)));)*
                $($({
                    let at = format!("{at}.{}", stringify!($part));
                    found.push(at.clone());
                    <$inner>::paths(&at, found);
                })*)?
            }
        }
    };
}

masked!(v1::ConnectorSpec { task_type } parts {
    source: v1::KafkaSource,
    destination: v1::ObjectStoreDestination,
    runtime: v1::ConnectorRuntime,
    resources: v1::ConnectorResources,
    output: v1::ConnectorOutput,
});

masked!(v1::KafkaSource { topic, consumer_offset, thread_concurrency, spread });

masked!(v1::ObjectStoreDestination {
    store_type,
    bucket,
    endpoint,
    signing_region,
    addressing_style,
    credentials,
    allow_cross_region,
});

masked!(v1::ConnectorRuntime {
    vpc_id,
    vswitch_id,
    failure_handling_policy,
    session_timeout,
    store_retry_time,
});

masked!(v1::ConnectorResources {
    creation,
    task_consumer_group,
    connector_consumer_group,
} parts {
    offset_topic: v1::ConnectorTopic,
    config_topic: v1::ConnectorTopic,
    status_topic: v1::ConnectorTopic,
    abnormal_data_topic: v1::ConnectorTopic,
    dead_letter_queue_topic: v1::ConnectorTopic,
});

masked!(v1::ConnectorTopic { name, partitions, storage_engine });

masked!(v1::ConnectorOutput {
    format,
    compression,
    key_encoding,
    value_encoding,
    include_headers,
} parts {
    rotation: v1::RotationPolicy,
    layout: v1::ObjectLayout,
    overflow: v1::OverflowHandling,
});

masked!(v1::RotationPolicy { max_bytes, max_records, max_age, idle });

masked!(v1::ObjectLayout { prefix, hash_prefix } parts { time_buckets: v1::TimeBuckets });

masked!(v1::TimeBuckets { style, length, time_zone });

masked!(v1::OverflowHandling { policy, max_value_bytes, max_record_bytes });

#[cfg(test)]
mod tests;
