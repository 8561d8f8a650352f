//! Images: pulling them, with progress and credentials.

pub mod credentials;
pub mod logins;
pub mod progress;
pub mod pull;
