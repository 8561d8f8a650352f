//! Tasks as containers: creating, changing and inspecting them.

pub mod api_versions;
pub mod body;
pub mod create;
pub mod exec;
pub mod exit;
pub mod filter;
pub mod first_process;
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
