//! A time limit that may be none.

use std::{future::pending, time::Duration};

use tokio::time::sleep;

/// Ends after `limit`; never without one.
pub async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}
