//! From what was typed to what is true: the flags of `run` and `with` as a `Config`.

use std::{net::IpAddr, path::Path, time::Duration};

use cube::{
    Config, CopyOut, EnvVar, Error, ErrorKind, Mount, Port, PortMapping, duration as durations, parse_label,
    small_file,
};

use crate::cli::{
    args::{docker::set, task::TaskArgs},
    output::{render, stdio},
};

/// How a variable of cube's own environment is looked up.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

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
    process(&mut config, args, lookup)?;
    limits(&mut config, args)?;
    network(&mut config, args)?;
    storage(&mut config, args)?;
    args.docker.apply(&mut config)?;
    files(&mut config, args)?;
    engine(&mut config, args)?;
    health(&mut config, args)?;
    readiness(&mut config, args)?;
    Ok(config)
}

/// Shows a config for `--dry-run`, if it could run.
pub fn show(config: &Config) -> Result<(), Error> {
    config.check()?;
    stdio::print(&render::line(&config.clone().without_env_values()))
}

/// A duration given by a flag.
pub fn duration(value: Option<&str>) -> Result<Option<Duration>, Error> {
    value.map(durations::parse).transpose()
}

/// The config of a task file; `image` stands in place of the file's own, which may be missing then.
fn from_file(file: &Path, text: Option<&[u8]>, image: Option<&str>, lookup: Lookup) -> Result<Config, Error> {
    let image = image.map(str::parse).transpose()?;
    let read_now = if text.is_none() { read(file, "task file")? } else { Vec::new() };
    let mut config = Config::from_json(text.unwrap_or(&read_now), image).map_err(|error| {
        let message = format!("the task file {} cannot be read", file.display());
        error.during(message).with_hint("`cube run … --dry-run -o json` prints one")
    })?;
    // A name alone means this environment's value, as `--env NAME` does.
    config.process.env = config
        .process
        .env
        .into_iter()
        .map(|var| if var.value().is_none() { EnvVar::parse(var.name(), lookup) } else { Ok(var) })
        .collect::<Result<_, _>>()?;
    Ok(config)
}

/// The most that a file which a flag names may hold, in bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// The content of a file that a flag names.
pub fn read(file: &Path, what: &str) -> Result<Vec<u8>, Error> {
    small_file::read(file, LARGEST_FILE).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot read the {what} {}", file.display()))
            .with_source(cause)
            .with_hint("check the file's path and permissions")
    })
}

fn process(config: &mut Config, args: &TaskArgs, lookup: Lookup) -> Result<(), Error> {
    set(&mut config.name, given(args.name.as_ref()).map(str::parse).transpose()?);
    for file in &args.env_file {
        let text = read(file, "env file")?;
        config.process.env.extend(EnvVar::parse_file(&file.display().to_string(), &text, lookup)?);
    }
    let from = config.process.env.len();
    for var in &args.env {
        let var = EnvVar::parse(var, lookup)?;
        // The last --env of a name wins; what a file says stays before it.
        let known = config.process.env.iter().skip(from).position(|other| other.name() == var.name());
        match known.and_then(|at| config.process.env.get_mut(from + at)) {
            Some(known) => *known = var,
            None => config.process.env.push(var),
        }
    }
    set(&mut config.process.entrypoint, args.entrypoint.clone());
    set(&mut config.process.workdir, args.workdir.clone());
    set(&mut config.process.user, args.user.clone());
    set(&mut config.process.init, args.init.then_some(true));
    set(&mut config.process.stop_signal, given(args.stop_signal.as_ref()).map(str::parse).transpose()?);
    set(&mut config.process.stop_timeout, args.stop_timeout);
    if let Some(policy) = &args.restart {
        config.process.restart = policy.parse()?;
    }
    Ok(())
}

fn limits(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    set(&mut config.limits.memory, args.memory.as_deref().map(str::parse).transpose()?);
    set(&mut config.limits.cpus, args.cpus.as_deref().map(str::parse).transpose()?);
    set(&mut config.limits.disk, args.disk.as_deref().map(str::parse).transpose()?);
    set(&mut config.limits.shm_size, args.shm_size.as_deref().map(str::parse).transpose()?);
    Ok(())
}

fn network(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    for spec in &args.publish {
        config.network.publish.extend(PortMapping::parse_spec(spec)?);
    }
    for spec in &args.expose {
        config.network.expose.extend(Port::parse_expose(spec)?);
    }
    config.network.publish_all = args.publishes_all(config.network.publish_all);
    if let Some(ip) = &args.bind {
        let parsed = ip.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        config.network.bind = Some(parsed.map_err(|_| {
            Error::invalid("bind address", ip, "not an IP address").with_hint("write --bind 127.0.0.1")
        })?);
    }
    set(&mut config.network.hostname, given(args.hostname.as_ref()).map(str::to_owned));
    for entry in &args.add_host {
        config.network.add_hosts.push(entry.parse()?);
    }
    Ok(())
}

fn storage(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    let cwd = std::env::current_dir().unwrap_or_default();
    for volume in &args.volume {
        config.storage.volumes.push(Mount::parse(volume, &cwd)?);
    }
    for tmpfs in &args.tmpfs {
        config.storage.tmpfs.push(tmpfs.parse()?);
    }
    Ok(())
}

fn files(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    let here = std::env::current_dir().unwrap_or_default();
    for copy in &args.files.copy_in {
        config.files.copy_in.push(copy.parse()?);
    }
    for copy in &args.files.copy_out {
        config.files.copy_out.push(copy.parse::<CopyOut>()?.from_folder(&here));
    }
    Ok(())
}

fn engine(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    for label in &args.label {
        let (name, value) = parse_label(label)?;
        config.labels.insert(name, value);
    }
    set(&mut config.logging.log_driver, args.log_driver.clone());
    for option in &args.log_opt {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            Error::invalid("log option", option, "there is no `=`").with_hint("write --log-opt max-size=10m")
        })?;
        config.logging.log_opts.insert(name.to_owned(), value.to_owned());
    }
    if let Some(policy) = given(args.pull.as_ref()) {
        config.pull = policy.parse()?;
    }
    if let Some(retries) = args.pull_retries {
        config.pull_retries = retries;
    }
    set(&mut config.platform, given(args.platform.as_ref()).map(str::parse).transpose()?);
    set(&mut config.ttl, duration(args.ttl.as_deref())?);
    swarm(config, args);
    Ok(())
}

fn swarm(config: &mut Config, args: &TaskArgs) {
    config.swarm |= args.swarm;
    config.constraints.extend(args.constraint.iter().cloned());
    config.constraints.extend(args.node.iter().map(|name| format!("node.hostname=={name}")));
}

fn health(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    let health = &mut config.health;
    // As in Docker, an empty value counts as not given.
    set(&mut health.command, args.health_cmd.clone().filter(|command| !command.is_empty()));
    set(&mut health.interval, duration(args.health_interval.as_deref())?);
    set(&mut health.timeout, duration(args.health_timeout.as_deref())?);
    set(&mut health.retries, args.health_retries);
    set(&mut health.start_period, duration(args.health_start_period.as_deref())?);
    Ok(())
}

fn readiness(config: &mut Config, args: &TaskArgs) -> Result<(), Error> {
    for condition in &args.ready.wait_for {
        config.readiness.wait_for.push(condition.parse()?);
    }
    config.readiness.wait_any |= args.ready.wait_any;
    for sign in &args.ready.fail_on {
        config.readiness.fail_on.push(sign.parse()?);
    }
    set(&mut config.readiness.wait_timeout, duration(args.ready.wait_timeout.as_deref())?);
    Ok(())
}

/// A value that is not empty: to Docker an empty name, policy, platform or signal is none.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}
