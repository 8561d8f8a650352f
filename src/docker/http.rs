//! HTTP to the engine: connections, requests, answers and refusals.

pub(crate) mod answer_time;
pub mod budget;
pub mod chunked;
pub mod client;
pub mod clock;
pub mod coalesce;
pub mod dial;
pub mod head;
pub mod json;
pub mod length;
pub(crate) mod patience;
pub mod query;
pub mod refusal;
pub mod stream;
pub mod version;
