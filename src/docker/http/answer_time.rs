//! The answer timeout, counted only while cube itself runs: after a suspension (Ctrl-Z, SIGSTOP, a frozen container),
//! the timeout and the answer may arrive at the same moment.

use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, timeout_at};

/// If a timer is this late, the process was suspended.
const SUSPENDED: Duration = Duration::from_millis(100);

/// The result of `work` within `limit`. If the process was suspended when the limit ended, the limit starts again.
pub(crate) fn answered_within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    // On the heap, to keep the futures of callers small.
    let mut work = Box::pin(work);
    async move {
        loop {
            // Without a limit if the time is beyond the range of the clock.
            let Some(until) = Instant::now().checked_add(limit) else { return Ok(work.await) };
            match timeout_at(until, &mut work).await {
                Err(_) if until.elapsed() > SUSPENDED => {}
                answered => return answered,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::oneshot, time::advance};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_given_up_and_a_fast_one_is_kept() {
        assert_eq!(answered_within(LIMIT, async { 7 }).await.ok(), Some(7));
        let begun = Instant::now();
        assert!(answered_within(LIMIT, std::future::pending::<()>()).await.is_err());
        assert!(begun.elapsed() < LIMIT + SUSPENDED);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_came_during_a_suspension_counts() {
        let (answer, answered) = oneshot::channel();
        let waits = tokio::spawn(answered_within(LIMIT, answered));
        tokio::task::yield_now().await;
        // The time passes at once, and another task has yet to pass the answer on.
        advance(LIMIT * 3).await;
        tokio::task::yield_now().await;
        answer.send(7).unwrap();
        assert_eq!(waits.await.unwrap().unwrap(), Ok(7));
    }
}
