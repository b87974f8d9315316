//! How many connections the process's files allow.

use rustix::process::{Resource, getrlimit};

/// Files for everything else: the store, logs, those that are being opened.
const OTHERS: u64 = 256;

/// So many connections of those that are asked for, at least one.
pub(super) fn connections(asked: usize) -> usize {
    allowed(asked, getrlimit(Resource::Nofile).current)
}

/// The same; the log says where it is fewer.
pub(super) fn connections_with_warning(asked: usize) -> usize {
    let most = connections(asked);
    if most < asked {
        let limit = getrlimit(Resource::Nofile).current;
        tracing::warn!(
            limit,
            most,
            "the limit on open files allows fewer connections than --max-connections: raise it \
             (LimitNOFILE in its unit, ulimit -n)"
        );
    }
    most
}

fn allowed(asked: usize, limit: Option<u64>) -> usize {
    let files = limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHERS).max(1));
    asked.min(usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn some_files_are_left_for_what_is_no_connection() {
        assert_eq!(allowed(8_192, Some(1_024)), 768);
        assert_eq!(allowed(8_192, Some(524_288)), 8_192);
        assert_eq!(allowed(8_192, None), 8_192);
        assert_eq!(allowed(8_192, Some(100)), 1);
    }
}
