//! Refuses copies in a config that cannot work, before anything is pulled or created.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use crate::{
    config::{
        Config,
        value::copy::{CopyIn, CopyOut, CopySource},
    },
    docker::files::{copy::local, hidden::Mounts, place::Spot, report::unreadable},
    error::{Error, ErrorKind},
};

/// Refuses copies that cannot work.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    let files = &config.files;
    if files.copy_in.is_empty() && files.copy_out.is_empty() {
        return Ok(());
    }
    if config.swarm {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "--copy-in and --copy-out do not reach a task of a swarm",
        )
        .with_hint("leave out --swarm, or use a volume"));
    }
    check_stdin(config)?;
    let mounts = Mounts::planned(config);
    files.copy_in.iter().try_for_each(|copy| check_in(copy, &mounts))?;
    files.copy_out.iter().try_for_each(|copy| check_out(copy, &mounts))
}

fn check_stdin(config: &Config) -> Result<(), Error> {
    let from_stdin = config.files.copy_in.iter().filter(|copy| *copy.source() == CopySource::Stdin).count();
    match from_stdin {
        0 => Ok(()),
        1 if !config.process.interactive => Ok(()),
        1 => Err(Error::new(
            ErrorKind::InvalidInput,
            "--copy-in -:PATH and --interactive both read standard input",
        )
        .with_hint("copy from a file or a folder, or leave out --interactive")),
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            "standard input is one archive and cannot be copied in twice",
        )
        .with_hint("give --copy-in -:PATH once")),
    }
}

fn check_in(copy: &CopyIn, mounts: &Mounts) -> Result<(), Error> {
    let path = Spot::in_container(copy.path()).path;
    let reached = mounts.refuse_hidden(&path).and_then(|()| mounts.refuse_read_only(&path));
    reached.map_err(|error| error.during(format!("cannot copy {copy} into the container")))?;
    let CopySource::Path(path) = copy.source() else { return Ok(()) };
    let there = access(path, Access::READ_OK).map_err(std::io::Error::from);
    there.map_err(|cause| unreadable(path, cause).during(format!("cannot copy {copy} into the container")))
}

fn check_out(copy: &CopyOut, mounts: &Mounts) -> Result<(), Error> {
    let path = Spot::in_container(copy.path()).path;
    let what = || format!("cannot copy out {copy}");
    mounts.refuse_hidden(&path).map_err(|error| error.during(what()))?;
    let to = local(copy.to())?;
    let ground = ground(Path::new(&to.path));
    if to.path != OsStr::new("/") && ground == Path::new(&to.path) && !ground.is_dir() {
        // The file is replaced, so its folder must be writable.
        return writable(ground.parent().unwrap_or(&ground)).map_err(|error| error.during(what()));
    }
    writable(&ground).map_err(|error| error.during(what()))
}

/// The deepest part of a path that exists.
fn ground(path: &Path) -> PathBuf {
    path.ancestors().find(|part| part.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn writable(folder: &Path) -> Result<(), Error> {
    let refused = |cause: std::io::Error| {
        Error::new(ErrorKind::File, format!("the folder {} cannot be written to", folder.display()))
            .with_source(cause)
            .with_hint("name a target in a folder of yours")
    };
    if !folder.is_dir() {
        return Err(refused(std::io::ErrorKind::NotADirectory.into()));
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| refused(error.into()))
}
