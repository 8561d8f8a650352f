//! The time by the engine's clock, which may differ from this machine's. It is taken from the headers of answers.

use chrono::{DateTime, TimeDelta, Utc};
use hyper::header::{DATE, HeaderMap};
use tokio::time::Instant;

/// A time from the engine, and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineClock {
    time: DateTime<Utc>,
    heard: Instant,
}

impl EngineClock {
    /// `None` if the headers contain no time.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let time = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
        Some(Self { time: time.to_utc(), heard: Instant::now() })
    }

    /// The engine's time now; up to a second behind, since headers have whole seconds.
    pub(crate) fn now(&self) -> Option<DateTime<Utc>> {
        self.time.checked_add_signed(TimeDelta::from_std(self.heard.elapsed()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_from_the_engine_s_time() {
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
