//! What is copied into the container before it starts, and out of it at its end.

use crate::config::{
    group::group,
    value::copy::{CopyIn, CopyOut},
};

group! {
    /// What is copied into the container before it starts, and out of it at its end.
    pub struct Files {
        /// Files of this machine that are copied in before the start, in order.
        pub copy_in: Vec<CopyIn> = Vec::new();
        /// Files that whoever stays with the task copies out at its end, in order.
        pub copy_out: Vec<CopyOut> = Vec::new();
    }
}
