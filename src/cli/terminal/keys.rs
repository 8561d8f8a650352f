//! The keys that detach from a task, in Docker's syntax: `ctrl-p,ctrl-q`.

use std::str::FromStr;

use cube::{Error, Surroundings};

const DEFAULT: &str = "ctrl-p,ctrl-q";

/// A sequence of keys. An empty sequence never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys {
    bytes: Vec<u8>,
    text: String,
}

impl DetachKeys {
    /// No keys.
    pub fn none() -> Self {
        Self { bytes: Vec::new(), text: String::new() }
    }

    /// The keys of the flag.
    pub fn given(flag: Option<&str>) -> Result<Option<Self>, Error> {
        flag.filter(|keys| !keys.is_empty()).map(str::parse).transpose()
    }

    /// The keys that were given, else those of Docker's config.json, else Docker's default. None where there is no
    /// terminal to detach from.
    pub fn choose(given: Option<Self>, tty: bool) -> Result<Self, Error> {
        match given {
            _ if !tty => Ok(Self::none()),
            Some(keys) => Ok(keys),
            None => configured().unwrap_or_else(|| DEFAULT.parse()),
        }
    }

    /// The text for the engine.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The keys in Docker's config.json; `None` if it cannot be read.
fn configured() -> Option<Result<DetachKeys, Error>> {
    let file = Surroundings::of_process().config_file()?;
    let text = std::fs::read(&file).ok()?;
    let config: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let keys = config.get("detachKeys")?.as_str().filter(|keys| !keys.is_empty())?;
    let of_file = |error: Error| error.during(format!("cannot use detachKeys in {}", file.display()));
    Some(keys.parse().map_err(of_file))
}

impl FromStr for DetachKeys {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = text.split(',').map(key).collect::<Option<Vec<u8>>>();
        let bytes = bytes.ok_or_else(|| {
            Error::invalid("detach keys", text, "not keys that a terminal sends").with_hint(
                "write letters and ctrl- with a letter or one of @ [ \\ ] ^ _: --detach-keys ctrl-p,ctrl-q",
            )
        })?;
        Ok(Self { bytes, text: text.to_owned() })
    }
}

/// The byte that a key sends.
fn key(name: &str) -> Option<u8> {
    if let [byte] = name.as_bytes() {
        return byte.is_ascii().then_some(*byte);
    }
    if name == "DEL" {
        return Some(0x7f);
    }
    match name.strip_prefix("ctrl-")?.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(letter - b'a' + 1),
        [sign @ (b'@' | b'['..=b'_')] => Some(sign - b'@'),
        _ => None,
    }
}

/// Searches typed bytes for the detach keys.
pub struct Typed {
    keys: DetachKeys,
    /// How many of the keys were typed and are held back.
    held: usize,
}

impl Typed {
    pub fn new(keys: DetachKeys) -> Self {
        Self { keys, held: 0 }
    }

    /// The bytes to pass on to the task, and whether the keys are complete. The beginning of the keys is held back
    /// until another key is typed.
    pub fn take(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let keys = &self.keys.bytes;
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if keys.get(self.held) == Some(byte) {
                self.held += 1;
            } else {
                // The bytes held back are not the keys; but their last bytes with this one may begin them.
                let mut tail: Vec<u8> = keys.iter().take(self.held).copied().chain([*byte]).collect();
                let begins = |length: &usize| keys.get(..*length).is_some_and(|start| tail.ends_with(start));
                self.held = (0..=tail.len()).rev().find(begins).unwrap_or(0);
                tail.truncate(tail.len() - self.held);
                passed.extend(tail);
            }
            if self.held > 0 && self.held == keys.len() {
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_docker_writes_them() {
        for (text, bytes) in [
            ("ctrl-p,ctrl-q", &[16, 17][..]),
            ("a,b", b"ab"),
            ("ctrl-@", &[0]),
            ("ctrl-[", &[27]),
            ("ctrl-\\,ctrl-],ctrl-^,ctrl-_", &[28, 29, 30, 31]),
            ("~", b"~"),
        ] {
            assert_eq!(text.parse::<DetachKeys>().unwrap().bytes, bytes, "{text}");
        }
        for text in ["ctrl-", "ctrl-A", "ctrl-pp", "escape", "a,,b", "é"] {
            assert!(text.parse::<DetachKeys>().is_err(), "{text}");
        }
    }

    #[test]
    fn other_bytes_arrive_whole_wherever_they_are_cut() {
        let lines: [(&[u8], &[u8], bool); 6] = [
            (b"abc", b"abc", false),
            (b"x\x10y", b"x\x10y", false),
            (b"\x10\x10\x11", b"\x10", true),
            (b"a\x10\x11b", b"a", true),
            (b"\x11\x10", b"\x11", false),
            (b"\x10\x10\x10y", b"\x10\x10\x10y", false),
        ];
        for (line, passed, detached) in lines {
            for cut in 0..=line.len() {
                let mut typed = Typed::new(DEFAULT.parse().unwrap());
                let (mut all, mut done) = typed.take(&line[..cut]);
                if !done {
                    let (more, then) = typed.take(&line[cut..]);
                    all.extend(more);
                    done = then;
                }
                assert_eq!((all.as_slice(), done), (passed, detached), "{line:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn keys_that_begin_again_inside_their_own_beginning_are_found() {
        let mut typed = Typed::new("a,a,b".parse().unwrap());
        assert_eq!(typed.take(b"aaab"), (b"a".to_vec(), true));
    }

    #[test]
    fn without_keys_everything_arrives() {
        let mut typed = Typed::new(DetachKeys::none());
        assert_eq!(typed.take(b"\x10\x11\x00"), (b"\x10\x11\x00".to_vec(), false));
    }
}
