//! The speed of a download over the last seconds.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The length of the time window.
const WINDOW: Duration = Duration::from_secs(5);
/// The least time between two stored readings.
const SPACING: Duration = Duration::from_millis(100);
/// No speed is given before this much time has passed.
const LEAST: Duration = Duration::from_secs(1);

/// Readings of a growing number of bytes.
#[derive(Debug, Default)]
pub struct Speed {
    readings: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// Takes the number of bytes at a moment.
    pub fn read(&mut self, now: Instant, bytes: u64) {
        if self.readings.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) < SPACING) {
            return;
        }
        self.readings.push_back((now, bytes));
        // Keeps one reading that is at least as old as the window, so that a whole window is measured.
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            self.readings.pop_front();
        }
    }

    /// Bytes a second; `None` in the first second.
    pub fn per_second(&self, now: Instant, bytes: u64) -> Option<u64> {
        let (since, before) = self.readings.front()?;
        let passed = now.saturating_duration_since(*since);
        let gained = u128::from(bytes.saturating_sub(*before)) * 1000;
        (passed >= LEAST).then(|| u64::try_from(gained / passed.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let (mut speed, start) = (Speed::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(speed.per_second(start, 0), None);
        for tenth in 0..100 {
            speed.read(at(tenth * 100), tenth * 1000);
            speed.read(at(tenth * 100 + 1), 7);
        }
        assert_eq!(speed.per_second(at(9900), 99_000), Some(10_000));
        assert!(speed.readings.len() <= 51);
        for second in 10..20 {
            speed.read(at(second * 1000), 99_000);
        }
        assert_eq!(speed.per_second(at(19_000), 99_000), Some(0));
    }
}
