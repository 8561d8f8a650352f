//! The parts of a `run` or `with` line that clap does not parse: its form, the task's command, HOST-COMMAND.

use std::{ffi::OsString, path::Path};

use cube::{Error, ErrorKind};

use crate::cli::args::{flags::read, form::Form, verbs::Command, words::Words};

/// These parts.
#[derive(Debug, Default)]
pub struct Line {
    form: Form,
    command: Vec<OsString>,
    host_command: Vec<OsString>,
    file_text: Option<Vec<u8>>,
    /// Switches whose last value is false, by their long names.
    off: Vec<String>,
}

impl Line {
    /// Divides the words behind cube's flags into image, command and HOST-COMMAND, as `verb` takes them.
    pub fn of(words: &mut Words, verb: Option<&str>) -> Self {
        let rest = std::mem::take(&mut words.rest);
        if !matches!(verb, Some("run" | "with")) {
            give_back(words, rest);
            return Self { off: words.off.clone(), ..Self::default() };
        }
        let mut line = Self { off: words.off.clone(), ..Self::default() };
        let named = rest.is_empty() || line.image_is_named(words);
        (line.command, line.host_command) =
            if verb == Some("with") { parted(rest, words.dashes, named) } else { (rest, Vec::new()) };
        if !named && !line.command.is_empty() {
            line.form = Form::Docker;
            let mut image = OsString::from("--image=");
            image.push(line.command.remove(0));
            words.own.push(image);
        }
        line
    }

    /// Whether --image or the task file names the image. The file's text is kept, since a pipe can be read only once.
    fn image_is_named(&mut self, words: &Words) -> bool {
        if words.has("image") {
            return true;
        }
        let Some(file) = words.value("file") else { return false };
        self.file_text = read(Path::new(file), "task file").ok();
        let json = self.file_text.as_deref().map(serde_json::from_slice::<serde_json::Value>);
        // If the file cannot be read, the error comes later, when the config is built.
        json.and_then(Result::ok).is_none_or(|json| json.get("image").is_some_and(|image| !image.is_null()))
    }

    /// Adds these parts to the parsed command.
    pub fn complete(self, command: &mut Command) -> Result<(), Error> {
        let (task, verb) = match command {
            Command::Run(run) => (&mut run.task, "run"),
            Command::With(with) => {
                with.host_command = self.host_command;
                (&mut with.task, "with")
            }
            Command::Attach(attach) => {
                attach.attached.hides_signals = self.off.iter().any(|off| off == "sig-proxy");
                return Ok(());
            }
            _ => return Ok(()),
        };
        if task.image.is_none() && task.file.is_none() {
            return Err(no_image(verb));
        }
        // `with` publishes the exposed ports in both forms: HOST-COMMAND has to reach them.
        task.form = if verb == "with" { Form::Scripting } else { self.form };
        task.file_text = self.file_text;
        let is_off = |name: &str| self.off.iter().any(|off| off == name);
        task.publishes_nothing = is_off("publish-all");
        task.streams.attached.hides_signals = is_off("sig-proxy");
        task.process.has_no_init = is_off("init");
        task.engine.trusts_signatures = is_off("disable-content-trust");
        task.command = self.command.into_iter().map(text).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// For `with`: the words before and after the first `--`. If it comes first, and a flag names the image, all words
/// belong to HOST-COMMAND.
fn parted(mut rest: Vec<OsString>, dashes: bool, named: bool) -> (Vec<OsString>, Vec<OsString>) {
    match rest.iter().position(|word| word == "--").filter(|_| !(dashes && named)) {
        Some(at) => {
            let host = rest.split_off(at).into_iter().skip(1).collect();
            (rest, host)
        }
        None if dashes => (Vec::new(), rest),
        None => (rest, Vec::new()),
    }
}

/// Returns the words to clap, for a command that starts no task. None of them is a flag.
fn give_back(words: &mut Words, rest: Vec<OsString>) {
    if !rest.is_empty() && !words.own.iter().any(|word| word == "--") {
        words.own.push("--".into());
    }
    words.own.extend(rest);
}

fn text(word: OsString) -> Result<String, Error> {
    word.into_string().map_err(|word| {
        Error::invalid("word of the command", &word.to_string_lossy(), "it is not UTF-8")
            .with_hint("let a shell in the task make it: sh -c 'printf …'")
    })
}

fn no_image(verb: &str) -> Error {
    let form = match verb {
        "with" => "cube with [flags] IMAGE [COMMAND…] -- HOST-COMMAND…",
        _ => "cube run [flags] IMAGE [COMMAND…]",
    };
    Error::new(ErrorKind::InvalidInput, "the image is missing")
        .with_hint(format!("write `{form}`, or name it by --image"))
}
