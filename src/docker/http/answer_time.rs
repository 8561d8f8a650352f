//! How long an engine may take to answer, counted only while cube itself runs: one that was suspended (Ctrl-Z, SIGSTOP,
//! a frozen container) finds the answer and the end of its time at once.

use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, timeout_at};

/// Woken so much later than asked, this process did not run meanwhile.
const SUSPENDED: Duration = Duration::from_millis(100);

/// What `work` gives within `limit`, which begins anew where this process did not run when it ended.
pub(crate) fn answered_within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    // On the heap: else each caller would carry it twice.
    let mut work = Box::pin(work);
    async move {
        loop {
            // Nothing where the clock does not reach so far.
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
    async fn what_takes_longer_is_given_up_and_what_does_not_is_kept() {
        assert_eq!(answered_within(LIMIT, async { 7 }).await.ok(), Some(7));
        let begun = Instant::now();
        assert!(answered_within(LIMIT, std::future::pending::<()>()).await.is_err());
        assert!(begun.elapsed() < LIMIT + SUSPENDED);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_came_while_the_process_did_not_run_counts() {
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
