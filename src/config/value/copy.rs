//! Copies into a container before its start, and out of it at its end: the values of `--copy-in` and `--copy-out`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{
    config::text::text_serde,
    error::{Error, ErrorKind},
};

/// Files of this machine that are copied into a container before it starts:
/// `SRC:PATH[,chown=UID[:GID]][,exclude=GLOB]…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyIn {
    source: CopySource,
    path: String,
    owner: Option<(u32, u32)>,
    exclude: Vec<String>,
}

/// Where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySource {
    /// A file or a folder.
    Path(PathBuf),
    /// A tar archive on standard input.
    Stdin,
}

/// Files that are copied out of a container at its end: `PATH:DST[,on=always|success|failure]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOut {
    path: String,
    to: PathBuf,
    when: CopyWhen,
}

/// When files are copied out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyWhen {
    /// After every end.
    #[default]
    Always,
    /// Only if the task succeeded.
    Success,
    /// Only if the task failed.
    Failure,
}

impl CopyIn {
    /// Where the files come from.
    #[must_use]
    pub fn source(&self) -> &CopySource {
        &self.source
    }

    /// The absolute path in the container. The copied folder or file gets this path; a file goes into it instead if the
    /// path ends in a slash or is an existing folder.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The user and group id that the files get; those on this machine if left out.
    #[must_use]
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.owner
    }

    /// Patterns of files to leave out, as in `.gitignore`.
    #[must_use]
    pub fn exclude(&self) -> &[String] {
        &self.exclude
    }
}

impl CopyOut {
    /// The absolute path in the container.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path on this machine. The copied folder or file gets this path; a file goes into it instead if the path ends
    /// in a slash or is an existing folder.
    #[must_use]
    pub fn to(&self) -> &PathBuf {
        &self.to
    }

    /// The same copy; a relative target is resolved against `folder`.
    #[must_use]
    pub fn from_folder(mut self, folder: &Path) -> Self {
        self.to = folder.join(self.to);
        self
    }

    /// When the copy is made.
    #[must_use]
    pub fn when(&self) -> CopyWhen {
        self.when
    }

    /// Whether the copy is made after this kind of end.
    #[must_use]
    pub fn is_due(&self, succeeded: bool) -> bool {
        match self.when {
            CopyWhen::Always => true,
            CopyWhen::Success => succeeded,
            CopyWhen::Failure => !succeeded,
        }
    }
}

impl FromStr for CopyIn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse_in(text).map_err(|reason| {
            Error::new(ErrorKind::InvalidInput, format!("invalid copy-in {text:?}: {reason}"))
                .with_hint("write --copy-in SRC:/PATH, followed by ,chown=UID:GID or ,exclude=GLOB")
        })
    }
}

impl FromStr for CopyOut {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse_out(text).map_err(|reason| {
            Error::new(ErrorKind::InvalidInput, format!("invalid copy-out {text:?}: {reason}"))
                .with_hint("write --copy-out /PATH:DST, followed by ,on=always, ,on=success or ,on=failure")
        })
    }
}

fn parse_in(text: &str) -> Result<CopyIn, String> {
    // SRC may contain colons.
    let at = text.rfind(":/").ok_or("there is no `:/` between the source and an absolute path")?;
    let (source, rest) = text.split_at_checked(at).unwrap_or_default();
    let (path, options) = options(rest.trim_start_matches(':'), &["chown", "exclude"])?;
    let (mut owner, mut exclude) = (None, Vec::new());
    for (key, value) in options {
        match key {
            "chown" => owner = Some(parse_owner(&value)?),
            _ if value.is_empty() => return Err("an empty pattern".to_owned()),
            _ => exclude.push(value),
        }
    }
    let source = match source {
        "" => return Err("the source is empty".to_owned()),
        "-" => CopySource::Stdin,
        path => CopySource::Path(path.into()),
    };
    if source == CopySource::Stdin && (owner.is_some() || !exclude.is_empty()) {
        return Err("chown= and exclude= do not change a tar archive on standard input".to_owned());
    }
    check_path(&path)?;
    Ok(CopyIn { source, path, owner, exclude })
}

fn parse_out(text: &str) -> Result<CopyOut, String> {
    let (path, rest) = text.split_once(':').ok_or("there is no `:` between the path and its target")?;
    check_path(path)?;
    let (to, options) = options(rest, &["on"])?;
    let mut when = CopyWhen::Always;
    for (_, value) in options {
        when = match value.as_str() {
            "always" => CopyWhen::Always,
            "success" => CopyWhen::Success,
            "failure" => CopyWhen::Failure,
            _ => return Err(format!("`on={value}` is unknown")),
        };
    }
    if to.is_empty() {
        return Err("the target is empty".to_owned());
    }
    Ok(CopyOut { path: path.to_owned(), to: to.into(), when })
}

/// Options by name, in order.
type CopyTerms<'a> = Vec<(&'a str, String)>;

/// The text before the options, and the options. A comma without a known `NAME=` after it belongs to the text before.
fn options<'a>(text: &str, known: &[&'a str]) -> Result<(String, CopyTerms<'a>), String> {
    let mut words = text.split(',');
    let mut first = words.next().unwrap_or_default().to_owned();
    let mut options: Vec<(&str, String)> = Vec::new();
    for word in words {
        let option = word.split_once('=').filter(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()));
        match (option, options.last_mut()) {
            (Some((name, value)), _) => {
                let name = known
                    .iter()
                    .find(|known| **known == name)
                    .ok_or_else(|| format!("`{name}=` is unknown"))?;
                options.push((name, value.to_owned()));
            }
            (None, Some((_, value))) => *value += &format!(",{word}"),
            (None, None) => first += &format!(",{word}"),
        }
    }
    Ok((first, options))
}

fn check_path(path: &str) -> Result<(), String> {
    match path {
        _ if !path.starts_with('/') => Err("the path in the container is not absolute".to_owned()),
        _ if path.contains('\0') => Err("the path holds a NUL byte".to_owned()),
        _ => Ok(()),
    }
}

fn parse_owner(text: &str) -> Result<(u32, u32), String> {
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse().ok().filter(|number| digits && *number < u32::MAX);
        number.ok_or_else(|| format!("`chown={text}` is no UID or UID:GID in numbers"))
    };
    match text.split_once(':') {
        Some((user, group)) => Ok((number(user)?, number(group)?)),
        // chown(1) would keep the group, but the files have none in the container yet: root's.
        None => Ok((number(text)?, 0)),
    }
}

impl fmt::Display for CopyIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            CopySource::Path(path) => write!(f, "{}:{}", path.display(), self.path)?,
            CopySource::Stdin => write!(f, "-:{}", self.path)?,
        }
        if let Some((user, group)) = self.owner {
            write!(f, ",chown={user}:{group}")?;
        }
        self.exclude.iter().try_for_each(|pattern| write!(f, ",exclude={pattern}"))
    }
}

impl fmt::Display for CopyOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.to.display())?;
        match self.when {
            CopyWhen::Always => Ok(()),
            CopyWhen::Success => f.write_str(",on=success"),
            CopyWhen::Failure => f.write_str(",on=failure"),
        }
    }
}

text_serde!(CopyIn, "files to copy in");
text_serde!(CopyOut, "files to copy out");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_copy_in_is_split_at_the_last_colon_before_a_slash() {
        for (text, source, path, owner, exclude) in [
            ("src:/app", "src", "/app", None, &[][..]),
            ("a:/b:/app", "a:/b", "/app", None, &[]),
            ("src:/app,chown=1000", "src", "/app", Some((1000, 0)), &[]),
            ("src:/app,chown=1:2,exclude=.git,exclude=*.o", "src", "/app", Some((1, 2)), &[".git", "*.o"]),
            ("src:/a,b", "src", "/a,b", None, &[]),
            ("src:/a,exclude={x,y}", "src", "/a", None, &["{x,y}"]),
            ("C=1:/a,B=2", "C=1", "/a,B=2", None, &[]),
        ] {
            let copy: CopyIn = text.parse().unwrap();
            assert_eq!((copy.source(), copy.path()), (&CopySource::Path(source.into()), path), "{text}");
            assert_eq!(
                (copy.owner(), copy.exclude()),
                (owner, &exclude.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
        assert_eq!("-:/in".parse::<CopyIn>().unwrap().source(), &CopySource::Stdin);
    }

    #[test]
    fn a_copy_out_is_split_at_the_first_colon() {
        for (text, path, to, when) in [
            ("/out:dst", "/out", "dst", CopyWhen::Always),
            ("/out:a:b/c,on=success", "/out", "a:b/c", CopyWhen::Success),
            ("/out/.:dst,on=failure", "/out/.", "dst", CopyWhen::Failure),
            ("/out:dst,on=always", "/out", "dst", CopyWhen::Always),
        ] {
            let copy: CopyOut = text.parse().unwrap();
            assert_eq!((copy.path(), copy.to(), copy.when()), (path, &PathBuf::from(to), when), "{text}");
        }
    }

    #[test]
    fn senseless_copies_are_refused() {
        for text in [
            "src",
            "src:app",
            ":/app",
            "src:/a,owner=1",
            "src:/a,chown=me",
            "src:/a,chown=",
            "src:/a,chown=1:",
            "src:/a,chown=-1",
            "src:/a,chown=4294967295",
            "src:/a,exclude=",
            "-:/a,chown=1",
            "-:/a,exclude=x",
            "",
        ] {
            let error = text.parse::<CopyIn>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")) && error.hint().is_some(), "{error}");
        }
        for text in ["/out", "out:dst", "/out:", "/out:dst,on=never", "/out:dst,when=x", ""] {
            assert!(text.parse::<CopyOut>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_copy_is_read_again(text in "[a-z:/,=.*-]{0,12}:/[a-z,=:/]{0,12}(,chown=[0-9]{1,4}(:[0-9]{1,4})?)?(,exclude=[a-z*,]{1,5})?(,on=failure)?") {
            if let Ok(copy) = text.parse::<CopyIn>() {
                prop_assert_eq!(copy.to_string().parse::<CopyIn>().unwrap(), copy);
            }
            if let Ok(copy) = text.parse::<CopyOut>() {
                prop_assert_eq!(copy.to_string().parse::<CopyOut>().unwrap(), copy);
            }
        }
    }
}
