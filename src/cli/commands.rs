//! The commands, a file each.

pub mod attach;
pub mod completions;
pub mod cp;
pub mod doctor;
pub mod exec;
pub mod help;
pub mod inspect;
pub mod logs;
pub mod man;
pub mod port;
pub mod prune;
pub mod ps;
pub mod pull;
pub mod run;
pub mod several;
pub mod wait;
pub mod with;
