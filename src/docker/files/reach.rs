//! Checks whether the engine's copies reach a path of a container, after resolving the links in the path.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{
    docker::{
        Docker,
        files::{
            hidden::Mounts,
            place::{Spot, SpotEnd},
        },
    },
    error::Error,
    event::{Event, Events},
};

/// The most links that are followed, as in Linux.
const MOST_LINKS: usize = 40;

impl Docker {
    /// Refuses to read a path that copies do not reach, and warns of each tmpfs below it. A link at its end is not
    /// followed, because it is copied as a link.
    pub(crate) async fn refuse_unreadable(
        &self,
        id: &str,
        from: &Spot,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let mounts = self.mounts(id).await?;
        let path = self.read_path(id, from, &mounts).await?;
        for tmpfs in mounts.tmpfs_below(&path) {
            let (from, tmpfs) = (from.path.display(), tmpfs.display());
            events(Event::Warning(format!("{from}: left out {tmpfs} (a tmpfs)")));
        }
        Ok(())
    }

    /// Refuses to read a path that copies do not reach.
    pub(crate) async fn refuse_unreached(&self, id: &str, from: &Spot) -> Result<(), Error> {
        self.read_path(id, from, &self.mounts(id).await?).await.map(drop)
    }

    /// The path that is read, with its links resolved. Refuses one that copies do not reach.
    async fn read_path(&self, id: &str, from: &Spot, mounts: &Mounts) -> Result<OsString, Error> {
        mounts.refuse_hidden(&from.path)?;
        let path = match from.end {
            SpotEnd::Name => {
                let (folder, name) = from.split();
                Path::new(&self.resolved(id, &folder).await?).join(name).into_os_string()
            }
            SpotEnd::Slash | SpotEnd::Content => self.resolved(id, &from.path).await?,
        };
        mounts.refuse_hidden(&path).map(|()| path)
    }

    /// Refuses to write to a path that copies do not reach or that is read-only.
    pub(crate) async fn refuse_unwritable(&self, id: &str, path: &OsStr) -> Result<(), Error> {
        let mounts = self.mounts(id).await?;
        mounts.refuse_hidden(path)?;
        let path = self.resolved(id, path).await?;
        mounts.refuse_hidden(&path)?;
        mounts.refuse_read_only(&path)
    }

    /// The tmpfs mounts below a folder, as relative paths: files copied into them would be lost.
    pub(crate) async fn lost_below(&self, id: &str, folder: &OsStr) -> Result<Vec<PathBuf>, Error> {
        let mounts = self.mounts(id).await?;
        if mounts.tmpfs_below(OsStr::new("/")).is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.resolved(id, folder).await?;
        let all = mounts.tmpfs_below(&folder);
        Ok(all.iter().filter_map(|path| path.strip_prefix(&folder).ok().map(Path::to_owned)).collect())
    }

    async fn mounts(&self, id: &str) -> Result<Mounts, Error> {
        let container = self.raw_container(id).await?;
        Ok(Mounts::read(&container, self.transport.engine()))
    }

    /// The path with its links resolved, as far as it exists.
    pub(crate) async fn resolved(&self, id: &str, path: &OsStr) -> Result<OsString, Error> {
        let (mut done, mut rest, mut links) = (PathBuf::from("/"), names(Path::new(path)), 0);
        while let Some(name) = rest.pop_front() {
            let parent = done.clone();
            done.push(name);
            let Some(found) = self.stat_path(id, done.as_os_str()).await? else { break };
            if let Some(target) = found.link_target() {
                links += 1;
                if links > MOST_LINKS {
                    break;
                }
                let target = Spot::new(OsStr::new(&target), parent.as_os_str()).path;
                let mut way = names(Path::new(&target));
                way.append(&mut rest);
                (done, rest) = (PathBuf::from("/"), way);
            }
        }
        done.extend(rest);
        Ok(done.into_os_string())
    }
}

fn names(path: &Path) -> VecDeque<OsString> {
    path.iter().filter(|name| *name != "/").map(OsStr::to_owned).collect()
}
