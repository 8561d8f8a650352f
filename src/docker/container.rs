//! A task as one container: what changes it, and what its engine says of it.

pub mod api_versions;
pub mod body;
pub mod create;
pub mod exec;
pub mod exit;
pub mod filter;
pub mod inspect;
pub mod kill;
pub mod list;
pub mod networks;
pub mod own;
pub mod proxies;
pub mod prune;
pub mod signal_events;
pub mod stop;
pub mod wait;
