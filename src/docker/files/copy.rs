//! Copies files as `docker cp` does, and transfers tar archives.

use std::{
    ffi::{OsStr, OsString},
    io::Read,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hyper::{Method, Response, body::Incoming};

use crate::{
    docker::{
        Docker,
        files::{
            pack::{Item, Packed},
            place::{Misplaced, Place, Present, Spot, SpotEnd, place},
            report::{CopyReport, unreadable},
            stat::{self, PathStat, archive_path},
            unpack::{Target, Unpacking},
        },
        handle::RunningTask,
        http::{
            answer_time::answered_within,
            client::{AnswerKind, next_piece},
            refusal,
        },
        id::EngineId,
    },
    error::{Error, ErrorKind},
    event::{Event, Events},
};

/// How many files that were left out are listed.
const NAMED: usize = 20;

/// How files are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// Whether to follow a link that is the source itself. Links inside a folder are copied as links.
    pub follow_link: bool,
    /// Whether files in a container get its user as their owner, instead of the user ids of this machine.
    pub archive: bool,
}

/// A tar archive from a container, in pieces.
#[derive(Debug)]
pub struct TarStream {
    body: Incoming,
    limit: std::time::Duration,
}

impl TarStream {
    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`] if the connection broke, or nothing came within the answer timeout.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match answered_within(self.limit, next_piece(&mut self.body)).await {
            Ok(piece) => piece,
            Err(_) => Err(refusal::too_slow(self.limit)),
        }
    }
}

impl RunningTask {
    /// Copies a file or folder out of a container onto this machine, as `docker cp` does. A file appears under its name
    /// only when it is complete.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if the source does not exist or the target cannot be written; [`ErrorKind::BadAnswer`] if
    /// the archive is incomplete; [`ErrorKind::Unsupported`] below a tmpfs.
    pub async fn copy_from(
        &self,
        from: &str,
        to: &Path,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        self.docker().copy_from(&self.container_id().await?, from, to, options, events).await
    }

    /// A file or folder of a container as a tar archive.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if it does not exist; [`ErrorKind::Unsupported`] below a tmpfs.
    pub async fn archive(&self, path: &str, events: Events<'_>) -> Result<TarStream, Error> {
        self.docker().archive(&self.container_id().await?, path, events).await
    }

    /// Copies a file or folder of this machine into a container, as `docker cp` does.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if the source cannot be read or the target does not exist; [`ErrorKind::Unsupported`] below
    /// a tmpfs, or if the target is read-only.
    pub async fn copy_to(
        &self,
        from: &Path,
        to: &str,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        self.docker().copy_to(&self.container_id().await?, from, to, options, events).await
    }

    /// Unpacks a tar archive in a folder of a container. The engine accepts gzip, bzip2 and xz compression too.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if there is no such folder; those of [`RunningTask::copy_to`].
    pub async fn extract(
        &self,
        archive: impl Read + Send + 'static,
        to: &str,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        self.docker().extract(&self.container_id().await?, archive, to, options, events).await
    }

    /// The id of the container that has its files.
    pub(crate) async fn container_id(&self) -> Result<String, Error> {
        match self.id() {
            EngineId::Container(id) => Ok(id.clone()),
            EngineId::Service(id) => self.docker().container_here(id).await,
        }
    }
}

impl Docker {
    async fn copy_from(
        &self,
        id: &str,
        from: &str,
        to: &Path,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let mut from = Spot::in_container(from);
        let name = from.split().1;
        if options.follow_link
            && let Some(target) =
                self.stat_path(id, &from.full()).await?.and_then(|found| found.link_target())
        {
            let target = Spot::new(OsStr::new(&target), &from.split().0);
            from = Spot { path: target.path, end: from.end };
        }
        self.refuse_unreadable(id, &from, events).await?;
        let to = local(to)?;
        let (found, stream) = self.open_described(id, &from).await?;
        let (to, present) = destination(to)?;
        let place = place(&from, &name, found.is_folder(), &to, present)
            .map_err(|reason| misplaced(reason, Path::new(&to.path)))?;
        let target = Target::of(place, &from, &found, std::process::id().to_string());
        self.unpack(stream, target, &from.path, events).await
    }

    /// Opens the archive of a path, described by what is in it. podman describes the link at a path's end, also where
    /// the content of the folder behind it is in the archive.
    pub(crate) async fn open_described(&self, id: &str, from: &Spot) -> Result<(PathStat, TarStream), Error> {
        let (found, stream) = self.open_archive(id, &from.full()).await?;
        let behind = match found.link_target().filter(|_| from.end == SpotEnd::Content) {
            Some(target) => self.stat_path(id, OsStr::new(&target)).await?,
            None => None,
        };
        Ok((behind.unwrap_or(found), stream))
    }

    async fn archive(&self, id: &str, path: &str, events: Events<'_>) -> Result<TarStream, Error> {
        let spot = Spot::in_container(path);
        self.refuse_unreadable(id, &spot, events).await?;
        self.open_archive(id, &spot.full()).await.map(|(_, stream)| stream)
    }

    async fn copy_to(
        &self,
        id: &str,
        from: &Path,
        to: &str,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let from = local(from)?;
        let (path, name) = source(&from, options.follow_link)?;
        let metadata = path.symlink_metadata().map_err(|cause| unreadable(&path, cause))?;
        let (to, present) = self.container_destination(id, Spot::in_container(to)).await?;
        self.refuse_unwritable(id, &to.path).await?;
        let place = place(&from, &name, metadata.is_dir(), &to, present)
            .map_err(|reason| misplaced(reason, Path::new(&to.path)))?;
        let (folder, name) = match place {
            Place::Content(folder) => (folder, OsString::from(".")),
            Place::Named { folder, name } => (folder, name),
        };
        let lost = self.lost_below(id, &folder).await?;
        let packed = Packed::start(vec![Item::of(path, name)], Vec::new(), lost)?;
        self.send_archive(id, &folder, packed, options.archive, events).await
    }

    async fn extract(
        &self,
        id: &str,
        archive: impl Read + Send + 'static,
        to: &str,
        options: &CopyOptions,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let (to, present) = self.container_destination(id, Spot::in_container(to)).await?;
        if present != Present::Folder {
            return Err(Error::new(
                ErrorKind::File,
                format!("{} is no folder of the container", to.path.display()),
            )
            .with_hint("a tar archive is unpacked in a folder that is there"));
        }
        self.refuse_unwritable(id, &to.path).await?;
        let packed = Packed::of_archive(archive)?;
        self.send_archive(id, &to.path, packed, options.archive, events).await
    }

    /// What is at a path of a container, without following a link at its end; `None` if there is nothing.
    pub(crate) async fn stat_path(&self, id: &str, path: &OsStr) -> Result<Option<PathStat>, Error> {
        let head = self.transport.head(&archive_path(id, path)).await?;
        head.map(|headers| stat::read(&headers)).transpose()
    }

    pub(crate) async fn open_archive(&self, id: &str, path: &OsStr) -> Result<(PathStat, TarStream), Error> {
        let query = archive_path(id, path);
        let answer = self.transport.request(Method::GET, &query, None, &[], AnswerKind::Stream).await;
        let answer: Response<Incoming> = answer.map_err(|error| missing(error, path))?;
        let found = stat::read(answer.headers())?;
        Ok((found, TarStream { body: answer.into_body(), limit: self.transport.limit() }))
    }

    pub(crate) async fn unpack(
        &self,
        mut stream: TarStream,
        target: Target,
        from: &OsStr,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let path = from.to_string_lossy().into_owned();
        let mut unpacking = Unpacking::start(target)?;
        let mut bytes = 0;
        while let Some(piece) = stream.next().await? {
            bytes += piece.len() as u64;
            if !unpacking.feed(piece).await {
                break;
            }
            events(Event::Copying { path: path.clone(), bytes });
        }
        let copied = unpacking.finish().await?;
        for warning in copied.warnings(&path) {
            events(Event::Warning(warning));
        }
        Ok(copied)
    }

    /// Where a copy into a container goes: a link at its end is followed once, as Docker does.
    async fn container_destination(&self, id: &str, to: Spot) -> Result<(Spot, Present), Error> {
        let mut to = to;
        let mut found = self.stat_path(id, &to.full()).await?;
        if let Some(target) = found.as_ref().and_then(PathStat::link_target) {
            let target = Spot::new(OsStr::new(&target), &to.split().0);
            to = Spot { path: target.path, end: to.end };
            found = self.stat_path(id, &to.full()).await?;
        }
        match found {
            None => self.has_parent(id, &to).await.map(|()| (to, Present::Nothing)),
            Some(found) if found.is_folder() => Ok((to, Present::Folder)),
            Some(found) if found.is_special() => {
                Err(Error::new(ErrorKind::File, format!("{} is a device or a pipe", to.path.display()))
                    .with_hint("copy to a folder or a regular file"))
            }
            Some(_) => Ok((to, Present::File)),
        }
    }

    async fn has_parent(&self, id: &str, to: &Spot) -> Result<(), Error> {
        let (folder, _) = to.split();
        match self.stat_path(id, &folder).await? {
            Some(_) => Ok(()),
            None => {
                Err(Error::new(ErrorKind::File, format!("the container has no folder {}", folder.display()))
                    .with_hint(
                        "make it first: `cube exec TASK mkdir -p PATH`; `run --copy-in` makes it itself",
                    ))
            }
        }
    }
}

impl CopyReport {
    pub(crate) fn leave_out(&mut self, name: &[u8], what: &str) {
        if self.left_out.len() < NAMED {
            self.left_out.push(format!("{} ({what})", String::from_utf8_lossy(name)));
        } else {
            self.unnamed += 1;
        }
    }

    /// Warnings about the files that were left out.
    pub(crate) fn warnings(&self, path: &str) -> Vec<String> {
        let mut all: Vec<String> =
            self.left_out.iter().map(|what| format!("{path}: left out {what}")).collect();
        if self.unnamed > 0 {
            all.push(format!("{path}: left out {} more", self.unnamed));
        }
        if self.unkept {
            all.push(format!("{path}: modes or times are not kept: the target's file system has none"));
        }
        all
    }
}

/// A path of this machine, absolute.
pub(crate) fn local(path: &Path) -> Result<Spot, Error> {
    let here = std::env::current_dir().map_err(|cause| unreadable(Path::new("."), cause))?;
    Ok(Spot::new(path.as_os_str(), here.as_os_str()))
}

/// The path to read on this machine, and its name in the copy. A link at the end is followed if `follow` is set, or if
/// the path ends in a slash.
pub(crate) fn source(from: &Spot, follow: bool) -> Result<(PathBuf, OsString), Error> {
    let path = PathBuf::from(from.full());
    let (folder, name) = from.split();
    let resolved = if follow || from.end != SpotEnd::Name {
        path.canonicalize()
    } else {
        Path::new(&folder).canonicalize().map(|folder| folder.join(&name))
    };
    Ok((resolved.map_err(|cause| unreadable(Path::new(&from.path), cause))?, name))
}

/// Where a copy onto this machine goes: links at its end are followed, even to a path that does not exist yet.
pub(crate) fn destination(mut to: Spot) -> Result<(Spot, Present), Error> {
    const MOST_LINKS: usize = 10;
    for _ in 0..=MOST_LINKS {
        let path = Path::new(&to.path);
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                let target = std::fs::read_link(path).map_err(|cause| unreadable(path, cause))?;
                to = Spot { path: Spot::new(target.as_os_str(), &to.split().0).path, end: to.end };
            }
            Ok(found) if found.is_dir() => return Ok((to, Present::Folder)),
            Ok(found) if found.is_file() => return Ok((to, Present::File)),
            Ok(_) => {
                return Err(Error::new(ErrorKind::File, format!("{} is a device or a pipe", path.display()))
                    .with_hint("copy to a folder or a regular file; `-` is standard output"));
            }
            Err(_) => return has_local_parent(&to).map(|()| (to, Present::Nothing)),
        }
    }
    Err(Error::new(ErrorKind::File, format!("{} leads through too many links", to.path.display()))
        .with_hint("name the file itself"))
}

fn has_local_parent(to: &Spot) -> Result<(), Error> {
    let (folder, _) = to.split();
    match std::fs::metadata(&folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::new(ErrorKind::File, format!("{} is no folder", folder.display()))
            .with_hint("name a folder that is there")),
        Err(cause) => Err(Error::new(ErrorKind::File, format!("there is no folder {}", folder.display()))
            .with_source(cause)
            .with_hint(format!("make it first: mkdir -p {}", folder.display()))),
    }
}

fn misplaced(reason: Misplaced, to: &Path) -> Error {
    let to = to.display();
    let (message, hint) = match reason {
        Misplaced::FolderOntoFile => {
            (format!("{to} is a file and cannot become a folder"), "name another target")
        }
        Misplaced::NoFolder => (format!("there is no folder {to}"), "make it first, or leave out the slash"),
    };
    Error::new(ErrorKind::File, message).with_hint(hint)
}

/// The error for a missing `path` in a container that exists.
fn missing(error: Error, path: &OsStr) -> Error {
    if error.kind() != ErrorKind::File {
        return error;
    }
    Error::new(ErrorKind::File, format!("the container has no {}", path.display()))
        .with_hint("`cube cp TASK:FOLDER - | tar -t` lists what is in a folder")
}
