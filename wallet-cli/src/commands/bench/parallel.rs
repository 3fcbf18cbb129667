//! Computing on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::failure::{Exit, Failure};

/// Does `count` pieces of work on some threads, and returns their results in order.
pub(super) fn parallel<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                let mut mine = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    mine.push((index, work(index)));
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).extend(mine);
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Does what takes long on a thread of its own and waits for the result. Whoever stops waiting, as
/// at Ctrl-C, leaves the thread to end with the process.
pub(super) async fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let failed = |why: String| Failure::new(Exit::Unexpected, "thread", why);
    let (reply, result) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        // Nobody may be waiting any more.
        .spawn(move || drop(reply.send(work())))
        .map_err(|error| failed(error.to_string()))?;
    result.await.map_err(|_| failed("a thread panicked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parallel;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        assert_eq!(parallel(3, 1000, |n| n * 2), (0..1000).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(parallel(3, 0, |n| n), Vec::<usize>::new());
    }
}
