//! Repeats a question to the engine until the answer changes, where no event reports that.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;

/// How long an engine that went away may take to come back, and the pause between two tries.
const RETURN: Patience = Patience { limit: Duration::from_secs(30), pause: Duration::from_millis(100) };

/// How long to repeat a question, and the pause in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) limit: Duration,
    pub(crate) pause: Duration,
}

impl Patience {
    /// The first answer that is not `open`, or the last answer when the limit has passed.
    pub(crate) async fn ask<T, F>(self, ask: impl Fn() -> F, open: impl Fn(&T) -> bool) -> T
    where
        F: Future<Output = T>,
    {
        let begun = Instant::now();
        loop {
            let answer = ask().await;
            if !open(&answer) || begun.elapsed() >= self.limit {
                return answer;
            }
            sleep(self.pause).await;
        }
    }
}

/// Repeats a question until the engine answers, for at most 30 s.
pub(crate) async fn when_back<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    RETURN.ask(ask, |answer| answer.as_ref().is_err_and(Error::is_passing)).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_good_answer_or_the_last_bad_one_is_given() {
        let patience = Patience { limit: Duration::from_secs(1), pause: Duration::from_millis(100) };
        let asked = Cell::new(0);
        let ask = || async {
            asked.set(asked.get() + 1);
            asked.get()
        };
        assert_eq!(patience.ask(ask, |answer| *answer < 5).await, 5);
        asked.set(0);
        let begun = Instant::now();
        assert_eq!(patience.ask(ask, |_| true).await, 11);
        assert_eq!(begun.elapsed(), patience.limit);
    }
}
