//! Divides a command line into flags, values and the words of the task, by the rules of Docker's CLI. It takes the
//! flags from clap's definitions, and gives each to clap as `--name=value`.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, Command};
use cube::{Error, ErrorKind};

use crate::cli::args::{on_demand::Define, verbs};

/// The streams that Docker's `-a` takes; any other `-a` is cube's switch.
const STREAMS: [&str; 3] = ["stdin", "stdout", "stderr"];

/// A command line, divided into its parts.
#[derive(Debug, Default)]
pub struct Words {
    /// The words for clap: the program, the verb, flags and values.
    pub own: Vec<OsString>,
    /// The command's name as it was typed.
    pub verb: Option<String>,
    /// The words after cube's own: the image or the command of `run` and `with`, the command of `exec`.
    pub rest: Vec<OsString>,
    /// Whether `--` stands before `rest`.
    pub dashes: bool,
    /// Switches whose last value is false, by their long names.
    pub off: Vec<String>,
    /// An error that clap cannot detect.
    pub problem: Option<Error>,
    /// The definitions that were used. They are most of the cost of a start, so clap reuses them.
    pub definitions: Definitions,
    given: Vec<(String, Option<OsString>)>,
}

/// A reader of the words, and its position.
struct Reader<'a> {
    words: &'a [OsString],
    next: usize,
    /// How many positional words of cube are still to come before the task's words.
    own_positionals: usize,
    seen: Words,
}

/// The definitions of the flags known so far. The command's own flags come before the global ones.
#[derive(Debug, Default)]
pub struct Definitions {
    /// The command's flags, once its name was read.
    pub of_verb: Option<Command>,
    /// The command's groups of flags that are not defined yet.
    undefined: &'static [Define],
    /// The global flags.
    pub of_all: Command,
}

impl Words {
    /// Reads `argv`, whose first word is the program's name.
    pub fn read(argv: &[OsString]) -> Self {
        let definitions = Definitions { of_all: verbs::bare(), ..Definitions::default() };
        let seen = Self { own: argv.iter().take(1).cloned().collect(), definitions, ..Self::default() };
        let mut reader = Reader { words: argv, next: 1, own_positionals: usize::MAX, seen };
        while let Some(word) = reader.take() {
            if !reader.read_word(word) {
                break;
            }
        }
        reader.seen
    }

    /// Whether the flag with this long name was given. A switch set to false does not count.
    pub fn has(&self, long: &str) -> bool {
        self.given.iter().any(|(name, _)| name == long)
    }

    /// How often the flag with this long name was given.
    pub fn count(&self, long: &str) -> u8 {
        let times = self.given.iter().filter(|(name, _)| name == long).count();
        u8::try_from(times).unwrap_or(u8::MAX)
    }

    /// The last value of the flag with this long name.
    pub fn value(&self, long: &str) -> Option<&OsStr> {
        self.given.iter().rev().find(|(name, _)| name == long).and_then(|(_, value)| value.as_deref())
    }

    /// Whether an error in the command line is reported as JSON too.
    pub fn wants_json(&self) -> bool {
        match self.value("output") {
            Some(form) => form == "json",
            None => std::env::var("CUBE_OUTPUT").is_ok_and(|form| form == "json"),
        }
    }
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a OsString> {
        let word = self.words.get(self.next);
        self.next += 1;
        word
    }

    /// Reads one word, and its value if it takes one. `false` at the first word that is not cube's.
    fn read_word(&mut self, word: &'a OsString) -> bool {
        let bytes = word.as_encoded_bytes();
        match bytes {
            b"--" if self.seen.verb.is_some() => return self.read_dashes(),
            b"--" => self.seen.own.push(word.clone()),
            [b'-', b'-', _, ..] => self.read_long(word),
            [b'-', _, ..] => self.read_cluster(word),
            _ if self.seen.verb.is_none() => self.read_verb(word),
            _ if self.own_positionals == 0 => {
                self.end(self.next - 1);
                return false;
            }
            _ => {
                self.own_positionals -= 1;
                self.seen.own.push(word.clone());
            }
        }
        true
    }

    /// Words after `--` are not flags.
    fn read_dashes(&mut self) -> bool {
        if self.own_positionals == usize::MAX {
            self.seen.own.extend(self.words.iter().skip(self.next - 1).cloned());
            return false;
        }
        self.seen.dashes = true;
        if self.own_positionals > 0 {
            self.seen.own.push("--".into());
        }
        while self.own_positionals > 0
            && let Some(word) = self.take()
        {
            self.own_positionals -= 1;
            self.seen.own.push(word.clone());
        }
        self.end(self.next);
        false
    }

    /// The words from `at` on are the task's.
    fn end(&mut self, at: usize) {
        self.seen.rest = self.words.get(at..).unwrap_or_default().to_vec();
    }

    fn read_verb(&mut self, word: &'a OsString) {
        let name = word.to_string_lossy().into_owned();
        // Docker's longer form: `container run`.
        let is_group = name == "container" && self.words.get(self.next).is_some_and(|next| is_verb(next));
        if is_group {
            return;
        }
        if let Some(verb) = verbs::find(&name) {
            let definition = verb.usual_definition();
            let trailing = definition.get_positionals().position(Arg::is_trailing_var_arg_set);
            self.own_positionals = trailing.unwrap_or(usize::MAX);
            self.seen.definitions.of_verb = Some(definition);
            self.seen.definitions.undefined = verb.on_demand;
        }
        self.seen.verb = Some(name);
        self.seen.own.push(word.clone());
    }

    fn read_long(&mut self, word: &'a OsString) {
        let text = word.to_str().unwrap_or_default();
        let (name, value) = match text.strip_prefix("--").unwrap_or_default().split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.strip_prefix("--").unwrap_or_default(), None),
        };
        match self.seen.definitions.long(name) {
            Some(flag) => self.give(&flag, value, word),
            None => self.seen.own.push(word.clone()),
        }
    }

    /// One or more short flags in one word; the last one may have a value: `-itd`, `-eA=b`, `-p8080:80`.
    fn read_cluster(&mut self, word: &'a OsString) {
        let Some(text) = word.to_str() else { return self.seen.own.push(word.clone()) };
        let mut letters = text.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            let behind = text.get(at + letter.len_utf8()..).unwrap_or_default();
            let Some(flag) = self.seen.definitions.short(letter) else {
                let name = text.strip_prefix('-').and_then(|name| name.split('=').next());
                if name.and_then(|name| self.seen.definitions.long(name)).is_some() {
                    self.seen.problem = Some(one_dash(text));
                }
                self.seen.own.push(format!("-{letter}{behind}").into());
                return;
            };
            let inline = behind.strip_prefix('=');
            if flag.takes_value || inline.is_some() || is_stream(&flag, behind) {
                let value = inline.or(Some(behind).filter(|value| !value.is_empty()));
                return self.give(&flag, value.map(OsString::from), word);
            }
            let next = letters.peek().is_none().then_some(word);
            self.give_switch(&flag, None, next.is_some());
        }
    }

    /// Adds a flag. `inline` is its value, if that is in the same word.
    fn give(&mut self, flag: &Flag, inline: Option<OsString>, word: &OsString) {
        if !flag.takes_value {
            return self.give_switch(flag, inline, true);
        }
        match inline.or_else(|| self.take().cloned()) {
            Some(value) => self.push(&flag.long, Some(value)),
            // As with Docker, `-h` as the last word asks for help.
            None if word == "-h" => self.seen.own.push("--help-short".into()),
            None => self.seen.own.push(format!("--{}", flag.long).into()),
        }
    }

    /// Adds a switch; `last` says that it ends its word.
    fn give_switch(&mut self, flag: &Flag, inline: Option<OsString>, last: bool) {
        let stream =
            flag.long == "attach" && last && self.words.get(self.next).is_some_and(|next| is_word_of(next));
        let inline = if stream && inline.is_none() { self.take().cloned() } else { inline };
        match inline {
            None => self.set(&flag.long, true),
            Some(value) if flag.long == "attach" && is_word_of(&value) => {
                self.push("attach-stream", Some(value.to_ascii_lowercase()));
            }
            Some(value) => match value.to_str().and_then(truth) {
                Some(on) => self.set(&flag.long, on),
                None => self.seen.problem = Some(no_switch(flag, &value)),
            },
        }
    }

    /// Sets a switch. The last value wins, so earlier ones are removed.
    fn set(&mut self, long: &str, on: bool) {
        self.seen.off.retain(|name| name != long);
        if on {
            let opposite = long.strip_prefix("no-").map_or_else(|| format!("no-{long}"), str::to_owned);
            self.forget(&opposite);
            self.push(long, None);
        } else {
            self.forget(long);
            self.seen.off.push(long.to_owned());
        }
    }

    fn forget(&mut self, long: &str) {
        let word = format!("--{long}");
        self.seen.own.retain(|own| *own != *word);
        self.seen.given.retain(|(name, _)| name != long);
    }

    fn push(&mut self, long: &str, value: Option<OsString>) {
        let mut word = OsString::from(format!("--{long}"));
        if let Some(value) = &value {
            word.push("=");
            word.push(value);
        }
        self.seen.own.push(word);
        self.seen.given.push((long.to_owned(), value));
    }
}

/// What the reader needs to know about a flag.
struct Flag {
    long: String,
    takes_value: bool,
}

impl Definitions {
    fn long(&mut self, name: &str) -> Option<Flag> {
        self.find(|arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
        })
    }

    fn short(&mut self, letter: char) -> Option<Flag> {
        let short = |arg: &Arg| {
            arg.get_short() == Some(letter)
                || arg.get_all_short_aliases().is_some_and(|all| all.contains(&letter))
        };
        // If the command has no `-v` of its own, it is the global --verbose.
        let verbose = |arg: &Arg| letter == 'v' && arg.get_long() == Some("verbose");
        self.find(short).or_else(|| self.find(verbose))
    }

    /// Finds a flag, and defines for it what is not defined yet.
    fn find(&mut self, is_meant: impl Fn(&Arg) -> bool) -> Option<Flag> {
        loop {
            if let Some(flag) = self.defined(&is_meant) {
                return Some(flag);
            }
            let (define, others) = self.undefined.split_first()?;
            self.of_verb = self.of_verb.take().map(define);
            self.undefined = others;
        }
    }

    fn defined(&self, is_meant: impl Fn(&Arg) -> bool) -> Option<Flag> {
        let mut all = self.of_verb.iter().chain([&self.of_all]).flat_map(Command::get_arguments);
        let arg = all.find(|arg| !arg.is_positional() && is_meant(arg))?;
        let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
        Some(Flag { long: arg.get_long()?.to_owned(), takes_value })
    }
}

fn is_verb(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| verbs::find(word).is_some())
}

fn is_word_of(word: &OsStr) -> bool {
    STREAMS.iter().any(|stream| word.eq_ignore_ascii_case(stream))
}

/// Whether the letters after `-a` name a stream: `-astdout`.
fn is_stream(flag: &Flag, behind: &str) -> bool {
    flag.long == "attach" && is_word_of(OsStr::new(behind))
}

/// A boolean, as Docker reads it.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The error for a long flag with a single dash.
fn one_dash(word: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("unexpected argument '{word}' found"))
        .with_hint(format!("a flag with a long name begins with two dashes: -{word}"))
}

fn no_switch(flag: &Flag, value: &OsStr) -> Error {
    let (long, value) = (&flag.long, value.to_string_lossy());
    let (what, hint) = if long == "attach" {
        (
            "neither a stream nor true or false",
            "write --attach, or -a with stdin, stdout or stderr".to_owned(),
        )
    } else {
        ("neither true nor false", format!("write --{long} or --{long}=false"))
    };
    Error::new(ErrorKind::InvalidInput, format!("invalid value \"{value}\" for --{long}: {what}"))
        .with_hint(hint)
}
