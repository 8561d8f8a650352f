//! The log driver, by which the engine stores the task's output.

use std::collections::BTreeMap;

use crate::config::group::group;

group! {
    /// The log driver, by which the engine stores the task's output.
    pub struct Logging {
        /// The log driver. `local`, never rotated, if left out; `json-file` replaces bytes that are not UTF-8.
        /// The engine's own default where `log_opts` has an option that `local` does not have.
        pub log_driver: Option<String> = None;
        /// Options of the log driver.
        pub log_opts: BTreeMap<String, String> = BTreeMap::new();
    }
}
