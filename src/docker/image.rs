//! Images: pulling them, with progress and credentials.

pub mod credentials;
pub mod progress;
pub mod pull;
