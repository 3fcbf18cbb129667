//! Many requests at the same time.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A future, and what came of it.
type Running<F> = (Pin<Box<F>>, Option<<F as Future>::Output>);

/// Runs futures at the same time in the order given; unlike tasks, they may borrow.
pub async fn at_once<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Running<F>> =
        futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        let all = running.iter().all(|(_, output)| output.is_some());
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
