//! Docker's flags that are about the container as a whole, and what all groups of flags share.

use std::path::PathBuf;

use clap::Args;
use cube::{Config, Error, ErrorKind, parse_label_file};

use crate::cli::{
    args::{limits::LimitArgs, network::NetworkArgs, security::SecurityArgs, storage::StorageArgs},
    config,
};

/// Every flag of `docker run` that `TaskArgs` does not have itself.
#[derive(Args, Debug, Default)]
pub struct DockerArgs {
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub storage: StorageArgs,
    #[command(flatten)]
    pub security: SecurityArgs,
    #[command(flatten)]
    pub container: ContainerArgs,
}

/// What is about the container as a whole.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug, Default)]
pub struct ContainerArgs {
    /// File of labels, one a line
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, help_heading = "Engine")]
    pub label_file: Vec<PathBuf>,
    /// Note for the runtime that starts the container: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, help_heading = "Engine")]
    pub annotation: Vec<String>,
    /// Take the image as it is: cube never checks signatures (the default)
    #[arg(long, help_heading = "Engine")]
    pub disable_content_trust: bool,
    /// `--disable-content-trust=false`.
    #[arg(skip)]
    pub trusts_signatures: bool,
    /// `--init=false`.
    #[arg(skip)]
    pub has_no_init: bool,
    /// Leave out the image's health check
    #[arg(long, help_heading = "Health")]
    pub no_healthcheck: bool,
    /// Time between two checks while --health-start-period lasts [default: 5s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = "Health")]
    pub health_start_interval: Option<String>,
    /// For engines on Windows alone: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub cpu_count: Option<String>,
    /// For engines on Windows alone: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub cpu_percent: Option<String>,
    /// For engines on Windows alone: refused by name.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, hide = true)]
    pub io_maxbandwidth: Option<String>,
    /// For engines on Windows alone: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub io_maxiops: Option<String>,
}

impl DockerArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        self.limits.apply(config)?;
        self.network.apply(config)?;
        self.storage.apply(config)?;
        self.security.apply(config)?;
        self.container.apply(config)
    }
}

impl ContainerArgs {
    fn apply(&self, config: &mut Config) -> Result<(), Error> {
        self.refuse_windows()?;
        if self.trusts_signatures {
            let message = "--disable-content-trust=false asks for signatures, and cube checks none";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("name the image by its digest: IMAGE@sha256:…"));
        }
        set(&mut config.process.init, self.has_no_init.then_some(false));
        for file in &self.label_file {
            let text = config::read(file, "label file")?;
            config.labels.extend(parse_label_file(&file.display().to_string(), &text)?);
        }
        for note in &self.annotation {
            let (name, value) = note.split_once('=').unwrap_or((note, ""));
            config.annotation.extend([pair(name, value)]);
        }
        config.health.disabled |= self.no_healthcheck;
        set(&mut config.health.start_interval, config::duration(self.health_start_interval.as_deref())?);
        Ok(())
    }

    fn refuse_windows(&self) -> Result<(), Error> {
        let flags = [
            ("--cpu-count", &self.cpu_count, "use --cpus"),
            ("--cpu-percent", &self.cpu_percent, "use --cpus"),
            ("--io-maxbandwidth", &self.io_maxbandwidth, "use --device-read-bps and --device-write-bps"),
            ("--io-maxiops", &self.io_maxiops, "use --device-read-iops and --device-write-iops"),
        ];
        match flags.into_iter().find(|(_, value, _)| value.is_some()) {
            Some((flag, _, hint)) => {
                let message =
                    format!("{flag} is for containers of Windows alone, and cube runs those of Linux");
                Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
            }
            None => Ok(()),
        }
    }
}

/// Sets a field that a flag gives.
pub fn set<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

/// A value that is not empty: Docker takes an empty one as not given.
pub fn given(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

/// All values of a flag, read.
pub fn parsed<T: std::str::FromStr>(values: &[String]) -> Result<Vec<T>, T::Err> {
    values.iter().map(|value| value.parse()).collect()
}

/// An entry of a map.
pub fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
