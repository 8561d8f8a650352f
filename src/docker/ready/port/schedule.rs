//! Decides when to read the kernel's socket tables again: reading them may take milliseconds, counting the sockets
//! takes microseconds.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pause between two counts of the sockets, at first and after `EAGER`.
const LOOK: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(10);
const EAGER: Duration = Duration::from_secs(2);
/// If the count does not change, the tables are read again after `REST` times the duration of a reading, within these
/// bounds: one socket may have been closed as another was opened.
const REST: u32 = 200;
const SHORTEST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(2);
/// After a change, they are read after `CHANGED_REST` times the duration of a reading. Once reading has taken `AT_ONCE`
/// plus one part in `BUSY_REST` of the time, because the task opens and closes sockets all the time, it is `BUSY_REST`
/// times.
const CHANGED_REST: u32 = 2;
const BUSY_REST: u32 = 20;
const AT_ONCE: Duration = Duration::from_millis(200);

/// Decides how often the tables of one process are read.
pub(crate) struct Schedule {
    begun: Instant,
    /// The time spent on reading so far.
    spent: Duration,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), spent: Duration::ZERO }
    }

    /// Returns when the tables should be read again; the last reading took `reading`.
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

    /// The number of readings in a minute if each takes `reading`.
    async fn in_a_minute(reading: Duration, is_changed: impl Fn() -> bool) -> u32 {
        let (mut schedule, begun, mut count) = (Schedule::new(), Instant::now(), 0);
        while begun.elapsed() < Duration::from_mins(1) {
            count += 1;
            sleep(reading).await;
            schedule.change(reading, &is_changed).await;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn unchanged_tables_are_read_at_most_four_times_a_second() {
        assert!((36..=38).contains(&in_a_minute(Duration::from_millis(8), || false).await));
        assert!((220..=240).contains(&in_a_minute(Duration::from_millis(1), || false).await));
    }

    #[tokio::test(start_paused = true)]
    async fn constant_changes_take_a_twentieth_of_the_time() {
        let readings = in_a_minute(Duration::from_millis(4), || true).await;
        assert!((400..=850).contains(&readings), "{readings}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_noticed_soon() {
        let (mut schedule, begun) = (Schedule::new(), Instant::now());
        schedule.change(Duration::from_millis(4), || begun.elapsed() >= Duration::from_millis(100)).await;
        assert!(begun.elapsed() < Duration::from_millis(110), "{:?}", begun.elapsed());
    }
}
