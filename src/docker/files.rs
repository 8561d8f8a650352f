//! Copies files in and out of containers through the engine's archive calls, streamed, in constant memory.

pub mod archive;
pub mod check;
pub mod copy;
pub mod copy_in;
pub mod copy_out;
pub mod damage;
pub mod entry;
pub mod glob;
pub mod hidden;
pub mod pack;
pub mod place;
pub mod reach;
pub mod report;
pub mod send;
pub mod stat;
pub mod tree;
pub mod unpack;
