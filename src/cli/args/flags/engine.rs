//! The flags for the container's image, labels, log and time to live, and for the file with its id.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use cube::{Config, Error, ErrorKind, ImageRef, parse_label, parse_label_file};

use crate::cli::args::flags::{Lookup, duration, given, pair, read, set};

/// What the engine does with the container.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Label of the container: NAME[=VALUE]
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true)]
    pub label: Vec<String>,
    /// Log driver [default: local, never rotated]
    #[arg(long, value_name = "DRIVER", allow_hyphen_values = true)]
    pub log_driver: Option<String>,
    /// Option of the log driver: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub log_opt: Vec<String>,
    /// When to pull the image: always, missing, never [default: missing]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub pull: Option<String>,
    /// How often to try a pull again after a network error or a 5xx status [default: 3]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub pull_retries: Option<u32>,
    /// Platform of the image, for example linux/arm64
    #[arg(
        long,
        value_name = "OS[/ARCH]",
        allow_hyphen_values = true,
        env = "DOCKER_DEFAULT_PLATFORM",
        hide_env = true
    )]
    pub platform: Option<String>,
    /// Write the container's id to this file, which must not exist
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    #[arg(value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub cidfile: Option<PathBuf>,
    /// After this time any cube command may remove it
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub ttl: Option<String>,
    /// File of labels, one on each line
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub label_file: Vec<PathBuf>,
    /// Annotation for the OCI runtime: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub annotation: Vec<String>,
    /// Do not check the image's signature: cube never does (the default)
    #[arg(long)]
    pub disable_content_trust: bool,
    /// `--disable-content-trust=false`.
    #[arg(skip)]
    pub trusts_signatures: bool,
    /// For engines on Windows only: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub cpu_count: Option<String>,
    /// For engines on Windows only: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub cpu_percent: Option<String>,
    /// For engines on Windows only: refused by name.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, hide = true)]
    pub io_maxbandwidth: Option<String>,
    /// For engines on Windows only: refused by name.
    #[arg(long, value_name = "N", allow_hyphen_values = true, hide = true)]
    pub io_maxiops: Option<String>,
}

/// Refuses an image whose signature is to be checked, by a flag or by `DOCKER_CONTENT_TRUST`, because cube checks none.
/// A digest says itself what the image is.
pub fn refuse_signatures(image: &ImageRef, flag: Option<&str>, lookup: Lookup) -> Result<(), Error> {
    const VARIABLE: &str = "DOCKER_CONTENT_TRUST";
    // Go's words for it.
    let is_true = |value: String| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    let source = flag.or_else(|| lookup(VARIABLE).is_some_and(is_true).then_some(VARIABLE));
    match source.filter(|_| image.digest().is_none() && !image.is_id()) {
        Some(source) => {
            let message = format!("{source} asks for signatures, and cube checks none");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("name the image by its digest, IMAGE@sha256:…, or leave that out"))
        }
        None => Ok(()),
    }
}

impl EngineArgs {
    pub fn apply(&self, config: &mut Config, lookup: Lookup) -> Result<(), Error> {
        self.refuse_windows()?;
        let trusts = self.trusts_signatures.then_some("--disable-content-trust=false");
        if !self.disable_content_trust {
            refuse_signatures(&config.image, trusts, lookup)?;
        }
        self.apply_logging(config);
        if let Some(policy) = given(self.pull.as_ref()) {
            config.pull = policy.parse()?;
        }
        set(&mut config.cidfile, self.given_cidfile().map(|file| file.to_string_lossy().into_owned()));
        config.pull_retries = self.pull_retries.unwrap_or(config.pull_retries);
        set(&mut config.platform, given(self.platform.as_ref()).map(|p| p.parse()).transpose()?);
        set(&mut config.ttl, duration(self.ttl.as_deref())?);
        for note in &self.annotation {
            let (name, value) = note.split_once('=').unwrap_or((note, ""));
            config.annotation.extend([pair(name, value)]);
        }
        self.apply_labels(config)
    }

    /// The file for the container's id: the flag's, whose name may be any bytes, else the task file's.
    pub fn cidfile(&self, config: &Config) -> Option<PathBuf> {
        self.given_cidfile().or_else(|| config.cidfile.as_ref().map(PathBuf::from))
    }

    /// As with Docker, an empty name counts as not given.
    fn given_cidfile(&self) -> Option<PathBuf> {
        self.cidfile.clone().filter(|file| !file.as_os_str().is_empty())
    }

    fn apply_labels(&self, config: &mut Config) -> Result<(), Error> {
        for file in &self.label_file {
            let text = read(file, "label file")?;
            config.labels.extend(parse_label_file(&file.display().to_string(), &text)?);
        }
        for label in &self.label {
            let (name, value) = parse_label(label)?;
            config.labels.insert(name, value);
        }
        Ok(())
    }

    fn apply_logging(&self, config: &mut Config) {
        set(&mut config.logging.log_driver, self.log_driver.clone());
        for option in &self.log_opt {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            config.logging.log_opts.insert(name.to_owned(), value.to_owned());
        }
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
