//! `--evidence`: writes all that is known of a failed task to one folder, which a CI job can upload. The values of the
//! task's environment are blanked in the files that cube writes.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use cube::{Error, ErrorKind};
use serde_json::Value;

use crate::cli::{
    output::{copy::OutputSource, draft::NewFile, render::json},
    record::{
        copied::{self, CopiedFolder},
        secrets::Secrets,
    },
};

/// The file with the task's output.
const LOG: &str = "task.log";
/// The longest line of the log that is searched as a whole, in bytes; longer lines are cut there.
const LONGEST_LINE: usize = 1 << 20;

/// The evidence folder, and when it is written.
#[derive(Clone, Debug)]
pub struct Evidence {
    folder: PathBuf,
    always: bool,
}

impl Evidence {
    /// Reads `DIR[,on=failure|always]` and makes the folder, so that an unusable path fails before anything runs.
    pub fn prepare(text: &str) -> Result<Self, Error> {
        let (folder, always) = match text.rsplit_once(",on=") {
            Some((folder, "always")) => (folder, true),
            Some((folder, "failure")) => (folder, false),
            Some((_, when)) => {
                let reason = format!("it is not written on {when:?}");
                return Err(Error::invalid("evidence", text, reason)
                    .with_hint("write --evidence DIR,on=failure or DIR,on=always"));
            }
            None => (text, false),
        };
        if folder.is_empty() {
            return Err(
                Error::invalid("evidence", text, "no folder is named").with_hint("write --evidence DIR")
            );
        }
        let evidence = Self { folder: folder.into(), always };
        fs::create_dir_all(&evidence.folder).map_err(|cause| evidence.unwritable(cause))?;
        Ok(evidence)
    }

    /// Whether it is written after a success or a failure.
    pub fn is_due(&self, failed: bool) -> bool {
        failed || self.always
    }

    /// Writes the engine's JSON of the container and of its health.
    pub fn write_container(&self, container: &Value, secrets: &Secrets) -> Result<(), Error> {
        // podman 4 reports one without a status for a container without a check.
        let is_one = |health: &&Value| health.pointer("/Status").is_none_or(|status| status != "");
        let health = container.pointer("/State/Health").filter(is_one).cloned().unwrap_or_default();
        self.write_json("inspect.json", container, secrets)?;
        self.write_json("health.json", &health, secrets)
    }

    /// Writes the result.
    pub fn write_result(&self, result: &impl serde::Serialize, secrets: &Secrets) -> Result<(), Error> {
        let value = serde_json::to_value(result).unwrap_or_default();
        self.write_json("result.json", &value, secrets)
    }

    fn write_json(&self, name: &str, value: &Value, secrets: &Secrets) -> Result<(), Error> {
        let mut blanked = value.clone();
        secrets.blank(&mut blanked);
        let mut text = json::escaped(&serde_json::to_string_pretty(&blanked).unwrap_or_default());
        text.push('\n');
        self.write(name, text.as_bytes()).map_err(|cause| self.unwritable(cause))
    }

    /// Writes the task's output, as it comes from `source`.
    pub async fn write_log(&self, source: &mut impl OutputSource, secrets: &Secrets) -> Result<(), Error> {
        let path = self.folder.join(LOG);
        let draft = NewFile::beside(&path).map_err(|cause| self.unwritable(cause))?;
        let mut log = BlankedLines { secrets, out: BufWriter::new(&draft.file), line: Vec::new() };
        while let Some(chunk) = source.next().await? {
            log.take(&chunk.bytes).map_err(|cause| self.unwritable(cause))?;
        }
        let written = log.end();
        drop(log);
        written.and_then(|()| draft.replace(&path)).map_err(|cause| self.unwritable(cause))
    }

    /// Writes lines as the task's output.
    pub fn write_lines(&self, lines: &[u8], secrets: &Secrets) -> Result<(), Error> {
        self.write(LOG, &secrets.blanked(lines)).map_err(|cause| self.unwritable(cause))
    }

    /// Replaces whatever has the name: `--copy-out` may have put a link or a pipe there.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        let mut draft = NewFile::beside(&path)?;
        draft.file.write_all(content)?;
        draft.replace(&path)
    }

    /// The folder for copied files.
    pub fn copied_folder(&self) -> Result<CopiedFolder, Error> {
        CopiedFolder::make(&self.folder).map_err(|cause| self.unwritable(cause))
    }

    /// Links copied files.
    pub fn link(&self, from: &Path, to: &Path) -> Result<(), Error> {
        copied::link(from, to).map_err(|cause| self.unwritable(cause))
    }

    fn unwritable(&self, cause: io::Error) -> Error {
        let folder: &Path = &self.folder;
        Error::new(ErrorKind::File, format!("cannot write the evidence to {}", folder.display()))
            .with_source(cause)
            .with_hint("name a folder that can be made or written with --evidence")
    }
}

/// Writes line by line, so that a value that came in two pieces is blanked too.
struct BlankedLines<'a, W> {
    secrets: &'a Secrets,
    out: W,
    line: Vec<u8>,
}

impl<W: Write> BlankedLines<'_, W> {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                self.write_line()?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.write_line()?;
        self.out.flush()
    }

    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.out.write_all(&self.secrets.blanked(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_two_pieces_is_blanked_in_the_log() {
        let secrets = Secrets::of(&["TOKEN=s3cret".parse().unwrap()]);
        let mut log = BlankedLines { secrets: &secrets, out: Vec::new(), line: Vec::new() };
        for piece in ["a s3", "cret b\nno\ns3cret", "\ns3c"] {
            log.take(piece.as_bytes()).unwrap();
        }
        log.end().unwrap();
        assert_eq!(String::from_utf8(log.out).unwrap(), "a *** b\nno\n***\ns3c");
    }

    #[test]
    fn the_flag_says_when_evidence_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b").display().to_string();
        assert!(!Evidence::prepare(&path).unwrap().is_due(false));
        assert!(Evidence::prepare(&format!("{path},on=always")).unwrap().is_due(false));
        for wrong in [format!("{path},on=never"), ",on=always".to_owned(), "/dev/null/x".to_owned()] {
            assert!(Evidence::prepare(&wrong).is_err_and(|error| error.hint().is_some()), "{wrong}");
        }
    }
}
