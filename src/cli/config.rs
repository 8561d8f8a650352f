//! Builds a `Config` from the flags of `run` and `with`.

use std::path::Path;

use cube::{Config, EnvVar, Error, ErrorKind};

use crate::cli::{
    args::{
        flags::{Lookup, given, read, set},
        task::TaskArgs,
    },
    output::{render::json, stdio},
};

/// The config that the flags describe, on top of the task file if there is one. Single values of the
/// file are replaced, lists are extended, a command is replaced whole.
pub fn from_args(args: &TaskArgs, lookup: Lookup) -> Result<Config, Error> {
    let mut config = match (&args.file, &args.image) {
        (Some(file), image) => from_file(file, args.file_text.as_deref(), image.as_deref(), lookup)?,
        (None, Some(image)) => Config::new(image.parse()?),
        (None, None) => return Err(Error::new(ErrorKind::InvalidInput, "--image is missing")),
    };
    if !args.command.is_empty() {
        config.process.command.clone_from(&args.command);
    }
    set(&mut config.name, given(args.name.as_ref()).map(|name| name.parse()).transpose()?);
    args.process.apply(&mut config, lookup)?;
    args.limits.apply(&mut config)?;
    args.network.apply(&mut config)?;
    config.network.publish_all = args.publishes_all(config.network.publish_all);
    check_publish_all(args, &config)?;
    args.storage.apply(&mut config)?;
    args.security.apply(&mut config)?;
    args.files.apply(&mut config)?;
    args.engine.apply(&mut config, lookup)?;
    args.swarm.apply(&mut config);
    args.health.apply(&mut config)?;
    args.ready.apply(&mut config)?;
    Ok(config)
}

/// `--publish-all` as it was typed; as the default of the scripting form it leaves a borrowed network alone.
fn check_publish_all(args: &TaskArgs, config: &Config) -> Result<(), Error> {
    if !(args.network.publish_all && config.network.is_borrowed()) {
        return Ok(());
    }
    let message = "--publish-all and the network of another container contradict each other";
    Err(Error::new(ErrorKind::InvalidInput, message).with_hint("publish the ports of that container instead"))
}

/// Prints a config for `--dry-run`, after checking it.
pub fn show(config: &Config) -> Result<(), Error> {
    config.check()?;
    stdio::print(&json::line(&config.clone().without_env_values()))
}

/// The config of a task file. `image` replaces the file's own image, which may then be missing.
fn from_file(file: &Path, text: Option<&[u8]>, image: Option<&str>, lookup: Lookup) -> Result<Config, Error> {
    let image = image.map(str::parse).transpose()?;
    let read_now = if text.is_none() { read(file, "task file")? } else { Vec::new() };
    let mut config = Config::from_json(text.unwrap_or(&read_now), image).map_err(|error| {
        let message = format!("the task file {} cannot be read", file.display());
        error.during(message).with_hint("`cube run … --dry-run -o json` prints one")
    })?;
    // A name alone takes its value from this environment, as with `--env NAME`.
    config.process.env = config
        .process
        .env
        .into_iter()
        .map(|var| if var.value().is_none() { EnvVar::parse(var.name(), lookup) } else { Ok(var) })
        .collect::<Result<_, _>>()?;
    Ok(config)
}
