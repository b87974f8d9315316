//! Exit statuses, one for each kind of end, so that a script need not read words.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Done,
    /// Also what no other status is for.
    Failed,
    Usage,
    /// Of the two commands that tell something by it.
    Told,
    NotFound,
    WrongState,
    Invalid,
    Conflict,
    Unavailable,
    TimedOut,
    NotAllowed,
    Limit,
}

impl ExitStatus {
    /// All of them, by their numbers.
    pub(crate) const ALL: [Self; 12] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Told,
        Self::NotFound,
        Self::WrongState,
        Self::Invalid,
        Self::Conflict,
        Self::Unavailable,
        Self::TimedOut,
        Self::NotAllowed,
        Self::Limit,
    ];

    /// The status of the process.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for people.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "it was done",
            Self::Failed => "it failed, for a reason that has no status of its own",
            Self::Usage => "the command line or a file is wrong; nothing was changed",
            Self::Told => "`apply` and `verify` alone, see below",
            Self::NotFound => "there is no such resource",
            Self::WrongState => "its state, or something that it needs, does not allow it",
            Self::Invalid => "the control plane takes no such value",
            Self::Conflict => "it exists already, or somebody has changed it meanwhile",
            Self::Unavailable => "no control plane answers, or it cannot work",
            Self::TimedOut => "it did not come within --timeout",
            Self::NotAllowed => "whoever asks is unknown, or may not do that",
            Self::Limit => "a limit or a quota is reached",
        }
    }

    /// That of a failed call.
    pub(crate) fn of(code: tonic::Code) -> Self {
        use tonic::Code;
        match code {
            Code::Ok => Self::Done,
            Code::NotFound => Self::NotFound,
            Code::FailedPrecondition => Self::WrongState,
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid,
            Code::AlreadyExists | Code::Aborted => Self::Conflict,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::TimedOut,
            Code::PermissionDenied | Code::Unauthenticated => Self::NotAllowed,
            Code::ResourceExhausted => Self::Limit,
            Code::Cancelled
            | Code::Unknown
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Failed,
        }
    }

    /// The list that `--help` ends with.
    pub(crate) fn help() -> String {
        let lines = Self::ALL.map(|status| format!("  {:>2}  {}", status.code(), status.meaning()));
        format!("Exit status:\n{}", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_scripts_know() {
        let numbers = ExitStatus::ALL.map(ExitStatus::code);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(ExitStatus::Usage.code(), 2);
        assert_eq!(ExitStatus::NotFound.code(), 4);
    }

    #[test]
    fn the_document_has_the_same_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
        let page = std::fs::read_to_string(page).expect("it is read");
        let rows: Vec<_> = page
            .lines()
            .skip_while(|line| *line != "## Exit status")
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let expected =
            ExitStatus::ALL.map(|status| format!("| {} | {} |", status.code(), status.meaning()));
        assert_eq!(rows, expected);
    }
}
