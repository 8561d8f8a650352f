//! Files to copy into the container before its start and out of it at its end.

use crate::config::{
    group::group,
    value::copy::{CopyIn, CopyOut},
};

group! {
    /// Files to copy into the container before its start and out of it at its end.
    pub struct Files {
        /// Files of this machine to copy into the container before the start, in order.
        pub copy_in: Vec<CopyIn> = Vec::new();
        /// Files to copy out at the task's end, in order. A caller that stays with the task does it
        /// ([`crate::RunningTask::copy_out`]).
        pub copy_out: Vec<CopyOut> = Vec::new();
    }
}
