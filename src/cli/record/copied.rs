//! What was copied out of a task, in the folder of its evidence: linked where that can be, so that nothing is stored
//! or fetched twice.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The folder below that of the evidence.
const FOLDER: &str = "copied-out";

/// A place of its own for each thing that was copied out.
#[derive(Debug)]
pub struct CopiedFolder {
    folder: PathBuf,
}

impl CopiedFolder {
    /// Makes the folder anew: what an earlier run left in it is no evidence of this one.
    pub fn make(evidence: &Path) -> io::Result<Self> {
        let folder = evidence.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&folder)?;
        Ok(Self { folder })
    }

    /// A name that nothing has yet, for what was at `path` in the container.
    pub fn place(&self, path: &str) -> PathBuf {
        let name = match path.trim_end_matches(['/', '.']).rsplit('/').next() {
            None | Some("" | "..") => "root",
            Some(name) => name,
        };
        let free = |place: &PathBuf| fs::symlink_metadata(place).is_err();
        let numbered = (2..u32::MAX).map(|number| self.folder.join(format!("{name}-{number}")));
        std::iter::once(self.folder.join(name)).chain(numbered).find(free).unwrap_or_default()
    }
}

/// Links a file or a folder with all that is in it to `to`, where nothing is yet; copies what cannot be linked.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_file() {
        return fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        link(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_folder_is_linked_and_no_link_in_it_is_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (from, outside) = (temp.path().join("from"), temp.path().join("outside"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(from.join("sub/file"), "x").unwrap();
        symlink(&outside, from.join("sub/away")).unwrap();
        let copied = CopiedFolder::make(temp.path()).unwrap();
        link(&from, &copied.place("/var/out/.")).unwrap();
        let linked = temp.path().join("copied-out/out/sub");
        assert_eq!(fs::metadata(linked.join("file")).unwrap().nlink(), 2);
        assert_eq!(fs::read_link(linked.join("away")).unwrap(), outside);
        assert!(copied.place("out").ends_with("out-2") && copied.place("/").ends_with("root"));
        // A later run begins anew, and removes nothing behind a link.
        fs::write(outside.join("kept"), "").unwrap();
        let anew = CopiedFolder::make(temp.path()).unwrap();
        assert!(anew.place("out").ends_with("out") && outside.join("kept").exists());
    }
}
