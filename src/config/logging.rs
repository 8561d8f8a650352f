//! The log driver, by which the engine stores the task's output.

use std::collections::BTreeMap;

use crate::{
    config::group::group,
    error::{Error, ErrorKind},
};

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

impl Logging {
    /// As Docker's CLI does; the engine would drop the options in silence.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.log_opts.keys().next().filter(|_| self.log_driver.as_deref() == Some("none")) {
            Some(name) => {
                let message = format!("the log driver none takes no options, and {name:?} is given");
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("leave --log-opt out, or choose another --log-driver"))
            }
            None => Ok(()),
        }
    }
}
