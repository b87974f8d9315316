//! Fields of log lines and of dead letters.

use kafka2oss_filter::{Field, Kind, Resource, Schema, Value};
use kafka2oss_proto::v1;

use super::{enumeration, name, specified, text, time};

/// By which a connector's log lines are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogField {
    Time,
    Severity,
    Agent,
    TaskIndex,
    Partition,
    Offset,
    ErrorCode,
    Message,
}

/// By which a connector's dead letters are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLetterField {
    Time,
    Topic,
    Partition,
    Offset,
    Timestamp,
    ErrorCode,
    ErrorMessage,
    ErrorTopic,
}

enumeration!(SEVERITIES = v1::LogSeverity, "LOG_SEVERITY_");

/// All of a log line.
pub(crate) static LOG_LINES: Schema<LogField> = Schema {
    fields: &[
        Field { name: "time", kind: Kind::Time, id: LogField::Time },
        Field { name: "severity", kind: Kind::Enumeration(&SEVERITIES), id: LogField::Severity },
        Field { name: "agent", kind: Kind::Text, id: LogField::Agent },
        Field { name: "task_index", kind: Kind::Number, id: LogField::TaskIndex },
        Field { name: "partition", kind: Kind::Number, id: LogField::Partition },
        Field { name: "offset", kind: Kind::Number, id: LogField::Offset },
        Field { name: "error_code", kind: Kind::Text, id: LogField::ErrorCode },
        Field { name: "message", kind: Kind::Text, id: LogField::Message },
    ],
};

/// All of a dead letter.
pub(crate) static DEAD_LETTERS: Schema<DeadLetterField> = Schema {
    fields: &[
        Field { name: "time", kind: Kind::Time, id: DeadLetterField::Time },
        Field { name: "topic", kind: Kind::Text, id: DeadLetterField::Topic },
        Field { name: "partition", kind: Kind::Number, id: DeadLetterField::Partition },
        Field { name: "offset", kind: Kind::Number, id: DeadLetterField::Offset },
        Field { name: "timestamp", kind: Kind::Time, id: DeadLetterField::Timestamp },
        Field { name: "error_code", kind: Kind::Text, id: DeadLetterField::ErrorCode },
        Field { name: "error_message", kind: Kind::Text, id: DeadLetterField::ErrorMessage },
        Field { name: "error_topic", kind: Kind::Text, id: DeadLetterField::ErrorTopic },
    ],
};

impl Resource<LogField> for v1::LogEntry {
    fn any<'a>(&'a self, field: LogField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        let number = |number: Option<i64>, test: &mut dyn FnMut(Value<'a>) -> bool| {
            number.is_some_and(|number| test(Value::Number(number.into())))
        };
        match field {
            LogField::Time => time(self.time.as_ref(), test),
            LogField::Severity => specified(self.severity, test),
            LogField::Agent => name(&self.agent, test),
            LogField::TaskIndex => number(self.task_index.map(i64::from), test),
            LogField::Partition => number(self.partition.map(i64::from), test),
            LogField::Offset => number(self.offset, test),
            LogField::ErrorCode => text(&self.error_code, test),
            LogField::Message => text(&self.message, test),
        }
    }

    /// Log lines have no maps.
    fn entry(&self, _: LogField, _: &str) -> Option<&str> {
        None
    }
}

impl Resource<DeadLetterField> for v1::DeadLetter {
    fn any<'a>(&'a self, field: DeadLetterField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        match field {
            DeadLetterField::Time => time(self.time.as_ref(), test),
            DeadLetterField::Topic => text(&self.topic, test),
            DeadLetterField::Partition => test(Value::Number(self.partition.into())),
            DeadLetterField::Offset => test(Value::Number(self.offset.into())),
            DeadLetterField::Timestamp => time(self.timestamp.as_ref(), test),
            DeadLetterField::ErrorCode => text(&self.error_code, test),
            DeadLetterField::ErrorMessage => text(&self.error_message, test),
            DeadLetterField::ErrorTopic => text(&self.error_topic, test),
        }
    }

    /// Dead letters have no maps.
    fn entry(&self, _: DeadLetterField, _: &str) -> Option<&str> {
        None
    }
}
