//! The last signal that was sent to a container through its engine, from the engine's events.

use chrono::{DateTime, TimeDelta, Utc};
use hyper::Method;
use serde::Deserialize;

use crate::{docker::handle::RunningTask, error::Error};

/// How long after a container's end the event of the signal that ended it may come.
const REPORT: TimeDelta = TimeDelta::milliseconds(300);

#[derive(Deserialize)]
struct SignalEvent {
    #[serde(rename = "Actor", default)]
    actor: Actor,
}

#[derive(Default, Deserialize)]
struct Actor {
    #[serde(rename = "Attributes", default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    signal: Option<String>,
}

impl RunningTask {
    /// The number of the last signal that was sent through the engine (by cube or others) to the container of an ended
    /// task. `None` if there was none, or for a service. An engine keeps only its last 256 events.
    ///
    /// # Errors
    /// The engine's.
    pub async fn last_signal(&self) -> Result<Option<i32>, Error> {
        let details = self.inspect().await?;
        let (Some(begun), Some(ended), false) = (details.started_at, details.finished_at, self.is_service())
        else {
            return Ok(None);
        };
        let filters =
            format!("%7B%22container%22%3A%5B%22{}%22%5D%2C%22event%22%3A%5B%22kill%22%5D%7D", self.id());
        let until = moment(ended + REPORT);
        let path = format!("/events?since={}&until={until}&filters={filters}", moment(begun));
        let events = self.docker().transport.bytes(Method::GET, &path).await?;
        Ok(last_signal(&events))
    }
}

/// A time in the engine's form: seconds and nanoseconds.
fn moment(time: DateTime<Utc>) -> String {
    format!("{}.{:09}", time.timestamp(), time.timestamp_subsec_nanos())
}

fn last_signal(events: &[u8]) -> Option<i32> {
    let events =
        serde_json::Deserializer::from_slice(events).into_iter::<SignalEvent>().map_while(Result::ok);
    events.filter_map(|event| event.actor.attributes.signal?.parse().ok()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_signal_counts() {
        let events = r#"{"Action":"kill","Actor":{"Attributes":{"signal":"15"}}}
{"Action":"kill","Actor":{"Attributes":{"signal":"9","name":"a"}}}"#;
        assert_eq!(last_signal(events.as_bytes()), Some(9));
        assert_eq!(last_signal(b""), None);
        assert_eq!(moment(DateTime::from_timestamp(5, 7).unwrap()), "5.000000007");
    }
}
