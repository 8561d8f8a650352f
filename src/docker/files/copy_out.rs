//! `--copy-out`: copies files out of a container at its end.

use std::{path::Path, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use crate::{
    config::{Config, value::copy::CopyOut},
    docker::{
        Docker,
        files::{
            copy,
            place::{Place, Present, Spot, SpotEnd},
            report::CopyReport,
            unpack::Target,
        },
        handle::RunningTask,
    },
    error::{Error, ErrorKind},
    event::Events,
};

/// How long to wait for an engine that has gone away, and the pause between two tries: no event says when it is back.
const COMES_BACK: Duration = Duration::from_secs(30);
const TRY_AGAIN: Duration = Duration::from_millis(500);

impl RunningTask {
    /// Copies files out of a container. Missing parent folders of the target are made. A file appears under its name
    /// only when it is complete; until then its name contains `tag`. If the engine goes away or sends nothing, the copy
    /// is tried again for 30 s.
    ///
    /// # Errors
    /// [`ErrorKind::File`] if the path does not exist or the target cannot be written; [`ErrorKind::BadAnswer`] if the
    /// archive is incomplete; [`ErrorKind::Unsupported`] below a tmpfs.
    pub async fn copy_out(&self, copy: &CopyOut, tag: &str, events: Events<'_>) -> Result<CopyReport, Error> {
        let until = Instant::now() + COMES_BACK;
        loop {
            match self.try_copy_out(copy, tag, events).await {
                // The engine restarts, or has not cleaned up the ended container yet.
                Err(error) if error.is_passing() && Instant::now() < until => sleep(TRY_AGAIN).await,
                done => return done.map_err(|error| error.during(format!("cannot copy out {copy}"))),
            }
        }
    }

    async fn try_copy_out(&self, copy: &CopyOut, tag: &str, events: Events<'_>) -> Result<CopyReport, Error> {
        let (docker, id) = (self.docker(), &self.container_id().await?);
        let from = Spot::in_container(copy.path());
        docker.refuse_unreadable(id, &from, events).await?;
        let opened = docker.open_described(id, &from).await;
        let (found, stream) = opened.map_err(|error| match error.kind() {
            ErrorKind::File => error.with_hint(
                "see where the task writes it: --keep keeps the container, and `cube cp TASK:FOLDER - | tar -t` \
                 lists what is in a folder",
            ),
            _ => error,
        })?;
        let place = place(&from, found.is_folder(), copy.to())?;
        let target = Target::of(place, &from, &found, tag.to_owned());
        docker.unpack(stream, target, &from.path, events).await
    }
}

impl Docker {
    /// Refuses the copies out of a container that is about to start, if they will not reach their paths. Links that the
    /// task makes are not there yet.
    pub(crate) async fn check_all_out(&self, id: &str, config: &Config) -> Result<(), Error> {
        for copy in &config.files.copy_out {
            let reached = self.refuse_unreached(id, &Spot::in_container(copy.path())).boxed().await;
            reached.map_err(|error| error.during(format!("cannot copy out {copy}")))?;
        }
        Ok(())
    }
}

/// A folder becomes the target itself, even an existing one. A file goes into the target if that is an existing folder
/// or ends in a slash.
fn place(from: &Spot, is_folder: bool, to: &Path) -> Result<Place, Error> {
    let to = copy::local(to)?;
    let (parent, _) = to.split();
    let made = if to.end == SpotEnd::Name || is_folder { Path::new(&parent) } else { Path::new(&to.path) };
    std::fs::create_dir_all(made).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot make the folder {}", made.display()))
            .with_source(cause)
            .with_hint("name a target in a folder that may be written to")
    })?;
    let (to, present) = copy::destination(to)?;
    let (folder, name) = to.split();
    match present {
        Present::Folder if is_folder => Ok(Place::Content(to.path)),
        Present::Folder => Ok(Place::Named { folder: to.path, name: from.split().1 }),
        Present::File if is_folder => {
            let message = format!("{} is a file and cannot become a folder", to.path.display());
            Err(Error::new(ErrorKind::File, message).with_hint("name another target"))
        }
        Present::File | Present::Nothing => Ok(Place::Named { folder, name }),
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::files::{damage::Damage, unpack::of_archive};

    #[test]
    fn an_empty_archive_is_requested_again_and_a_torn_one_is_not() {
        assert!(of_archive(Damage::Empty).is_passing());
        assert!(!of_archive(Damage::Torn).is_passing());
        assert!(!of_archive(Damage::Malformed("a block is empty")).is_passing());
    }
}
