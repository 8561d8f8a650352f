//! The time by the engine's clock, which may differ from this machine's: each answer's head has it.

use chrono::{DateTime, TimeDelta, Utc};
use hyper::header::{DATE, HeaderMap};
use tokio::time::Instant;

/// A time that the engine gave, and how long ago.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineClock {
    time: DateTime<Utc>,
    heard: Instant,
}

impl EngineClock {
    /// `None` if the head has no time.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let time = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
        Some(Self { time: time.to_utc(), heard: Instant::now() })
    }

    /// Its time now; up to a second behind, since the head has whole seconds.
    pub(crate) fn now(&self) -> Option<DateTime<Utc>> {
        self.time.checked_add_signed(TimeDelta::from_std(self.heard.elapsed()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_goes_on_from_what_the_engine_said() {
        let mut headers = HeaderMap::new();
        assert!(EngineClock::of(&headers).is_none());
        headers.insert(DATE, "Wed, 01 Jan 2020 00:00:30 GMT".parse().unwrap());
        let clock = EngineClock::of(&headers).unwrap();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(clock.now().unwrap().to_rfc3339(), "2020-01-01T00:01:30+00:00");
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert!(EngineClock::of(&headers).is_none());
    }
}
