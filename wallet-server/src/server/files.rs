//! How many files this process may have open, of which each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bounded::CONNECTIONS_MAX;

/// How many files everything else may need: the operator's connections, the requests to webhook
/// endpoints, the database's connections and files, and what the runtime has for itself.
const OTHERS: u64 = 512;

/// Raises the limit as far as this process may, and says how many connections it has room for.
///
/// A login shell and many a supervisor start a process with 1,024 files, because programs that
/// use `select` break with more; they leave it to others to raise that up to the hard limit.
pub(super) fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            limit.current
        }
    };
    let connections = room(files);
    if connections < CONNECTIONS_MAX {
        tracing::warn!(
            connections,
            files,
            "the limit of open files leaves room for fewer connections than {CONNECTIONS_MAX}"
        );
    }
    connections
}

/// How many connections there is room for among so many files; `None`: any number. Half of a limit
/// that is small, so that there is room for either.
fn room(files: Option<u64>) -> usize {
    let Some(files) = files else { return CONNECTIONS_MAX };
    let room = files.saturating_sub(OTHERS).max(files / 2);
    usize::try_from(room).map_or(CONNECTIONS_MAX, |room| room.min(CONNECTIONS_MAX))
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, getrlimit};

    use super::{CONNECTIONS_MAX, connections_max, room};

    #[test]
    fn connections_leave_room_for_the_other_files() {
        assert_eq!(room(None), CONNECTIONS_MAX);
        assert_eq!(room(Some(1_000_000)), CONNECTIONS_MAX);
        assert_eq!(room(Some(10_511)), 9_999);
        assert_eq!(room(Some(1_024)), 512);
        assert_eq!(room(Some(64)), 32);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let room = connections_max();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(room, super::room(limit.maximum));
    }
}
