//! The types of single values in a config. Each reads and prints Docker's form.

pub mod condition;
pub mod copy;
pub mod device;
pub mod duration;
pub mod env;
pub mod image;
pub mod label;
pub mod mount;
pub mod name;
pub mod network;
pub mod port;
pub mod restart;
pub mod signal;
pub mod size;
pub mod standard_stream;
pub mod ulimit;
