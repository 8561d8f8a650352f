//! The files copied out of a task, in its evidence folder: hard links if possible, so that nothing is stored or fetched
//! twice.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The name of the subfolder in the evidence folder.
const FOLDER: &str = "copied-out";

/// The subfolder, with a name of its own for each copy.
#[derive(Debug)]
pub struct CopiedFolder {
    folder: PathBuf,
}

impl CopiedFolder {
    /// Makes the folder; removes what an earlier run left in it.
    pub fn make(evidence: &Path) -> io::Result<Self> {
        let folder = evidence.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&folder)?;
        Ok(Self { folder })
    }

    /// An unused name for the copy of `path` in the container.
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

/// Links a file, or all files in a folder, at the new path `to`; copies what cannot be linked.
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
        // A later run makes the folder again, and removes nothing that a link points to.
        fs::write(outside.join("kept"), "").unwrap();
        let anew = CopiedFolder::make(temp.path()).unwrap();
        assert!(anew.place("out").ends_with("out") && outside.join("kept").exists());
    }
}
