//! When the kernel's socket tables are worth another look: reading them takes it milliseconds where its hash is large,
//! counting the sockets microseconds.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pause between two looks at how many sockets there are, at first and once the wait has been long.
const LOOK: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(10);
const EAGER: Duration = Duration::from_secs(2);
/// Without a change the tables are read again after so many times as long as that took, within these bounds: one
/// socket may have come as another went.
const REST: u32 = 200;
const SHORTEST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(2);
/// After a change they are read soon. A task that opens and closes sockets all the time is read less often, once
/// that has cost so much at once, or one part in so many of the time.
const CHANGED_REST: u32 = 2;
const BUSY_REST: u32 = 20;
const AT_ONCE: Duration = Duration::from_millis(200);

/// How often the tables of one process are read.
pub(crate) struct Pace {
    begun: Instant,
    /// What the readings took so far.
    spent: Duration,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), spent: Duration::ZERO }
    }

    /// Returns when the tables, which took `reading`, are worth another look.
    pub(crate) async fn change(&mut self, reading: Duration, is_changed: impl Fn() -> bool) {
        let done = Instant::now();
        self.spent += reading;
        let rest = (reading * REST).clamp(SHORTEST_REST, LONGEST_REST);
        let is_busy = self.spent > AT_ONCE + self.begun.elapsed() / BUSY_REST;
        let changed_rest = reading * if is_busy { BUSY_REST } else { CHANGED_REST };
        loop {
            sleep(if self.begun.elapsed() < EAGER { LOOK } else { LATER }).await;
            let rested = done.elapsed();
            if rested >= rest || rested >= changed_rest && is_changed() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many readings of `reading` there are in a minute.
    async fn in_a_minute(reading: Duration, is_changed: impl Fn() -> bool) -> u32 {
        let (mut pace, begun, mut count) = (Pace::new(), Instant::now(), 0);
        while begun.elapsed() < Duration::from_mins(1) {
            count += 1;
            sleep(reading).await;
            pace.change(reading, &is_changed).await;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_change_is_read_four_times_a_second_at_most() {
        assert!((36..=38).contains(&in_a_minute(Duration::from_millis(8), || false).await));
        assert!((220..=240).contains(&in_a_minute(Duration::from_millis(1), || false).await));
    }

    #[tokio::test(start_paused = true)]
    async fn what_always_changes_takes_a_twentieth_of_the_time() {
        let readings = in_a_minute(Duration::from_millis(4), || true).await;
        assert!((400..=850).contains(&readings), "{readings}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_looked_at_soon() {
        let (mut pace, begun) = (Pace::new(), Instant::now());
        pace.change(Duration::from_millis(4), || begun.elapsed() >= Duration::from_millis(100)).await;
        assert!(begun.elapsed() < Duration::from_millis(110), "{:?}", begun.elapsed());
    }
}
