//! `--result-file`: found usable before anything runs, filled when all is over.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use cube::{DockerResult, Error, ErrorKind};

use crate::cli::output::{named_file, render};

/// A file for the result.
#[derive(Debug)]
pub struct ResultFile {
    path: PathBuf,
    /// A pipe that is open: its reader would take its end for the end of all.
    pipe: Option<File>,
}

impl ResultFile {
    /// Sees that the file can be written; nothing of an earlier result stays.
    pub fn reserve(path: &Path) -> Result<Self, Error> {
        let file = named_file::create(path).map_err(|cause| unwritable(path, cause))?;
        let is_pipe = file.metadata().is_ok_and(|metadata| named_file::is_pipe(&metadata));
        Ok(Self { path: path.to_owned(), pipe: is_pipe.then_some(file) })
    }

    /// Writes the result. What became of the file meanwhile does not matter: it is made again.
    pub fn write(&self, result: &DockerResult) -> Result<(), Error> {
        let made = self.pipe.is_none().then(|| named_file::create(&self.path)).transpose();
        let made = made.map_err(|cause| unwritable(&self.path, cause))?;
        let Some(file) = self.pipe.as_ref().or(made.as_ref()) else { return Ok(()) };
        let written = named_file::write(file, render::line(result).as_bytes());
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
