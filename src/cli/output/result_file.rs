//! `--result-file`: checked before anything runs, written at the end.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use cube::{DockerResult, Error, ErrorKind};

use crate::cli::{
    args::flags::result::ResultArgs,
    output::{named_file, render::json},
};

/// A file for the result.
#[derive(Debug)]
pub struct ResultFile {
    path: PathBuf,
    /// An open pipe: closing it in between would look like the end to its reader.
    pipe: Option<File>,
}

impl ResultFile {
    /// The file that the flags name, checked and emptied; none where nothing runs.
    pub fn of(args: &ResultArgs) -> Result<Option<Self>, Error> {
        args.result_file.as_deref().filter(|_| !args.dry_run).map(Self::reserve).transpose()
    }

    /// Checks that the file can be written, and empties it.
    fn reserve(path: &Path) -> Result<Self, Error> {
        let file = named_file::create(path).map_err(|cause| unwritable(path, cause))?;
        let is_pipe = file.metadata().is_ok_and(|metadata| named_file::is_pipe(&metadata));
        Ok(Self { path: path.to_owned(), pipe: is_pipe.then_some(file) })
    }

    /// Writes the result. The file is opened anew, so it does not matter if it was removed meanwhile.
    pub fn write(&self, result: &DockerResult) -> Result<(), Error> {
        let made = self.pipe.is_none().then(|| named_file::create(&self.path)).transpose();
        let made = made.map_err(|cause| unwritable(&self.path, cause))?;
        let Some(file) = self.pipe.as_ref().or(made.as_ref()) else { return Ok(()) };
        let written = named_file::write(file, json::line(result).as_bytes());
        written.map_err(|cause| unwritable(&self.path, cause))
    }
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot write the result file {}", path.display()))
        .with_source(cause)
        .with_hint(
            "name a file in a folder that exists and has room, or a pipe that is read, with --result-file",
        )
}
