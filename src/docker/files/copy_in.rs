//! `--copy-in`: copies files of this machine into a container before its start.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use futures_util::FutureExt;

use crate::{
    config::{
        Config,
        value::copy::{CopyIn, CopySource},
    },
    docker::{
        Docker,
        files::{
            copy,
            pack::{Item, Packed, base_name},
            place::{Spot, SpotEnd},
            report::{self, CopyReport},
        },
        handle::RunningTask,
    },
    error::{Error, ErrorKind},
    event::Events,
};

/// A path in the container, divided into an existing and a missing part.
struct Ground {
    /// The deepest existing folder of the path.
    folder: OsString,
    /// The part of the path that has to be made.
    missing: PathBuf,
    /// Whether the whole path exists, but as a file.
    onto_file: bool,
}

impl RunningTask {
    /// Copies files into its container. Missing parent folders are made, owned by root, with mode 0755.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if the source cannot be read or does not fit the target; [`ErrorKind::Unsupported`] below a
    /// tmpfs, or if the target is read-only.
    pub async fn copy_in(&self, copy: &CopyIn, events: Events<'_>) -> Result<CopyReport, Error> {
        self.docker().copy_in(&self.container_id().await?, copy, events).await
    }
}

impl Docker {
    /// Makes all copies into the container that a task's config asks for.
    pub(crate) async fn copy_all_in(
        &self,
        id: &str,
        config: &Config,
        events: Events<'_>,
    ) -> Result<(), Error> {
        for copy in &config.files.copy_in {
            self.copy_in(id, copy, events).boxed().await?;
        }
        Ok(())
    }

    async fn copy_in(&self, id: &str, copy: &CopyIn, events: Events<'_>) -> Result<CopyReport, Error> {
        let done = match copy.source() {
            CopySource::Path(path) => self.copy_path_in(id, path, copy, events).await,
            CopySource::Stdin => self.copy_stdin_in(id, copy, events).await,
        };
        done.map_err(|error| error.during(format!("cannot copy {copy} into the container")))
    }

    async fn copy_path_in(
        &self,
        id: &str,
        path: &Path,
        copy: &CopyIn,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let (path, name) = copy::source(&copy::local(path)?, false)?;
        // A link is followed: its target would not exist in the container.
        let path = path.canonicalize().map_err(|cause| report::unreadable(&path, cause))?;
        let is_folder = path.is_dir();
        let spot = Spot::in_container(copy.path());
        let mut ground = self.ground(id, &spot).await?;
        if ground.onto_file && is_folder {
            let message = format!("{} is a file in the image and cannot become a folder", copy.path());
            return Err(Error::new(ErrorKind::File, message).with_hint("name another path"));
        }
        let there = ground.missing.as_os_str().is_empty();
        if !is_folder && (there || spot.end != SpotEnd::Name) {
            let name = if name.is_empty() { base_name(&path).to_owned() } else { name };
            ground.missing.push(name);
        }
        let name = if ground.missing.as_os_str().is_empty() { Path::new(".") } else { &ground.missing };
        let mut items = parents(&ground.missing);
        items.push(Item::of(path, name).owned_by(copy.owner()));
        let lost = self.lost_below(id, &ground.folder).await?;
        let packed = Packed::start(items, copy.exclude().to_vec(), lost)?;
        self.send_archive(id, &ground.folder, packed, false, events).await
    }

    async fn copy_stdin_in(&self, id: &str, copy: &CopyIn, events: Events<'_>) -> Result<CopyReport, Error> {
        let ground = self.ground(id, &Spot::in_container(copy.path())).await?;
        if ground.onto_file {
            let message = format!("{} is a file in the image and no folder to unpack in", copy.path());
            return Err(Error::new(ErrorKind::File, message).with_hint("name another path"));
        }
        let mut folder = PathBuf::from(&ground.folder);
        if !ground.missing.as_os_str().is_empty() {
            let mut items = parents(&ground.missing);
            items.push(Item::folder(ground.missing.clone()));
            self.send_archive(
                id,
                &ground.folder,
                Packed::start(items, Vec::new(), Vec::new())?,
                false,
                events,
            )
            .await?;
            folder.push(&ground.missing);
        }
        let packed = Packed::of_archive(std::io::stdin())?;
        self.send_archive(id, folder.as_os_str(), packed, false, events).await
    }

    async fn ground(&self, id: &str, spot: &Spot) -> Result<Ground, Error> {
        let (mut folder, mut missing, mut onto_file) = (spot.path.clone(), PathBuf::new(), false);
        let found = loop {
            match self.folder_at(id, &folder).await? {
                Some((found, true)) => break found,
                // The file, or the one that a link there leads to, is replaced.
                Some((found, false)) if missing.as_os_str().is_empty() => {
                    let (parent, name) = Spot::new(&found, OsStr::new("/")).split();
                    (folder, missing, onto_file) = (parent, name.into(), true);
                }
                Some((found, false)) => {
                    let message = format!("{} in the image is no folder", found.display());
                    return Err(Error::new(ErrorKind::File, message).with_hint("name another path"));
                }
                None if folder == "/" => return Err(gone()),
                None => {
                    let (parent, name) = Spot::new(&folder, OsStr::new("/")).split();
                    missing = if missing.as_os_str().is_empty() {
                        name.into()
                    } else {
                        Path::new(&name).join(missing)
                    };
                    folder = parent;
                }
            }
        };
        self.refuse_unwritable(id, Path::new(&found).join(&missing).as_os_str()).await?;
        Ok(Ground { folder: found, missing, onto_file })
    }

    /// The path with a link at its end resolved, and whether it is a folder; `None` if there is nothing.
    async fn folder_at(&self, id: &str, path: &OsStr) -> Result<Option<(OsString, bool)>, Error> {
        let Some(found) = self.stat_path(id, path).await? else { return Ok(None) };
        let Some(target) = found.link_target() else { return Ok(Some((path.to_owned(), found.is_folder()))) };
        let target = Spot::new(OsStr::new(&target), &Spot::new(path, OsStr::new("/")).split().0).path;
        let behind = self.stat_path(id, &target).await?;
        Ok(Some((target, behind.is_some_and(|behind| behind.is_folder()))))
    }
}

/// Every container has a root, so one without it is not there any more.
fn gone() -> Error {
    Error::new(ErrorKind::TaskNotFound, "the container was removed while files were copied into it")
        .with_hint("see what else removes containers: `docker events` shows it")
}

/// The missing parent folders.
fn parents(missing: &Path) -> Vec<Item> {
    let mut all: Vec<&Path> =
        missing.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    all.reverse();
    all.into_iter().map(Item::folder).collect()
}
