//! Causes that the engine reports: a refused start, a time limit, a failed health check, too little memory.

use cube::{
    Cause,
    CauseKind::{
        DiskFull, NotExecutable, NotFound, OutOfMemory, Permission, PortInUse, ReadOnly, TimedOut, Unhealthy,
        WrongArchitecture,
    },
    ErrorKind, Origin,
};
use regex_lite::Regex;

use crate::cli::record::{
    cause::{
        facts::Facts,
        text::{CauseText, Found},
    },
    usage::bytes,
};

/// A rule for a start's error: its kind, and a pattern that its text must match.
struct StartRule {
    kind: ErrorKind,
    pattern: &'static str,
    text: CauseText,
}

const fn rule(kind: ErrorKind, pattern: &'static str, text: CauseText) -> StartRule {
    StartRule { kind, pattern, text }
}

/// The rules for errors; the first that matches counts.
const RULES: &[StartRule] = &[
    rule(
        ErrorKind::PortTaken,
        r"(?:[\d\]]|listen \w+ ):(?P<port>\d{1,5})(?:\D|$)",
        CauseText::new(
            PortInUse,
            "port {port} of the engine's machine is in use by another process",
            "leave the host port out to get a free one, or end what listens there",
        ),
    ),
    rule(
        ErrorKind::PortTaken,
        "",
        CauseText::new(
            PortInUse,
            "a port of the engine's machine is in use by another process",
            "leave the host port out to get a free one, or end what listens there",
        ),
    ),
    rule(
        ErrorKind::CommandNotExecutable,
        r"chdir to cwd \(.(?P<path>[^)]+).\).*permission denied",
        CauseText::new(
            Permission,
            "the task's user may not enter its working directory {path}",
            "choose another --workdir or --user",
        ),
    ),
    rule(
        ErrorKind::CommandNotExecutable,
        "(?i)exec format error",
        CauseText::new(
            WrongArchitecture,
            "the command is a program for another processor than the engine's",
            "choose the image's build for it with --platform",
        ),
    ),
    rule(
        ErrorKind::CommandNotExecutable,
        r#"exec: \\?"(?P<word>[^"\\]+)\\?": is a directory|exec (?P<path>\S+): is a directory"#,
        CauseText::new(
            NotExecutable,
            "the command {word} is a folder",
            "name a program as the command or --entrypoint",
        ),
    ),
    rule(
        ErrorKind::CommandNotExecutable,
        r#"exec: \\?"(?P<word>[^"\\]+)\\?""#,
        CauseText::new(
            NotExecutable,
            "the command {word} is in the image, but it is not executable",
            "make it so in the image (chmod +x), run it by its interpreter (sh {word}), or name a program if it is a folder",
        ),
    ),
    rule(
        ErrorKind::CommandNotFound,
        r#"exec: \\?"(?P<word>-[^"\\]+)\\?""#,
        CauseText::new(
            NotFound,
            "{word} stands after the image, where the task's command begins",
            "write cube's flags before the image: cube run {word} … IMAGE",
        ),
    ),
    rule(
        ErrorKind::CommandNotFound,
        r#"exec: \\?"(?P<word>[^"\\]+)\\?""#,
        CauseText::new(
            NotFound,
            "the command {word} is not in the image",
            "check its name and the image's PATH, or choose an image that has it",
        ),
    ),
    rule(
        ErrorKind::ImageNotFound,
        "no matching manifest for|does not match the specified platform",
        CauseText::new(
            WrongArchitecture,
            "the image has no build for this processor",
            "choose one that it has with --platform, or another image",
        ),
    ),
];

/// Rules for any refused start, whatever the error's kind.
const WORDS: &[(&str, CauseText)] = &[
    (
        "(?i): read-only file system",
        CauseText::new(
            ReadOnly,
            "the engine cannot make what the task mounts, since its file system is read-only",
            "make the mount's folder in the image, or leave out --read-only",
        ),
    ),
    (
        "(?i): no space left on device",
        CauseText::new(
            DiskFull,
            "the disk of the engine's machine is full",
            "make room: `docker system df` shows what takes it",
        ),
    ),
];

const UNHEALTHY: CauseText = CauseText::new(
    Unhealthy,
    "the health check failed: {said}",
    "run the check by hand with `cube exec`, or give it time with --health-start-period and --health-retries",
);

const WATCH_IT: &str =
    "watch the task while it runs: `cube logs -f` shows its output, `cube exec` runs a command in it";

const TIMED_OUT: CauseText =
    CauseText::new(TimedOut, "the time limit ran out; the task's last line is \"{line}\"", WATCH_IT);

const TIMED_OUT_SILENT: CauseText =
    CauseText::new(TimedOut, "the time limit ran out; cube saw no output of the task", WATCH_IT);

const UNPLACED: CauseText = CauseText::new(
    TimedOut,
    "the time limit ran out before Swarm found a node for the task",
    "add a node, or free memory and processors on one: `docker node ls` lists the nodes",
);

const OVER_LIMIT: CauseText = CauseText::new(
    OutOfMemory,
    "the kernel killed a process of the task that needed more than its memory limit{limit}",
    "give it more with --memory, or make it use less",
);

/// The cause of an error, if its kind has one.
pub fn of_error(facts: &Facts) -> Option<Cause> {
    let error = facts.error?;
    let texts: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
    let deepest = texts.last().cloned().unwrap_or_default();
    match error.kind() {
        ErrorKind::Unhealthy => Some(UNHEALTHY.fill(&Found::from([("said", deepest)]))),
        ErrorKind::TimedOut => Some(timed_out(facts)),
        ErrorKind::Unschedulable => Some(UNPLACED.fill(&Found::new())),
        // cube's own errors are about this machine: a HOST-COMMAND that cannot run, a local disk that is full.
        _ if error.origin() == Origin::Cube => None,
        kind => of_refusal(kind, &texts.join(": ")),
    }
}

/// The cause of a time-out, which shows how far the task's output got.
fn timed_out(facts: &Facts) -> Cause {
    let last = facts.lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
    match last {
        Some(line) => TIMED_OUT.fill(&Found::from([("line", line.to_owned())])),
        None => TIMED_OUT_SILENT.fill(&Found::new()),
    }
}

fn of_refusal(kind: ErrorKind, text: &str) -> Option<Cause> {
    let own = RULES.iter().filter(|rule| rule.kind == kind).map(|rule| (rule.pattern, &rule.text));
    let any = WORDS.iter().filter(|_| refuses_start(kind)).map(|(pattern, text)| (*pattern, text));
    own.chain(any).find_map(|(pattern, sentence)| {
        let captures = Regex::new(pattern).ok()?.captures(text)?;
        let mut found = Found::new();
        for name in ["port", "path", "word"] {
            if let Some(value) = captures.name(name) {
                found.insert(name, value.as_str().to_owned());
            }
        }
        if let (None, Some(path)) = (found.get("word"), found.get("path").cloned()) {
            found.insert("word", path);
        }
        Some(sentence.fill(&found))
    })
}

/// Whether errors of this kind are refused starts that may quote the kernel.
fn refuses_start(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Engine | ErrorKind::BadMount | ErrorKind::CommandNotExecutable)
}

/// A lack of memory, if the kernel reported it.
pub fn of_memory(facts: &Facts) -> Option<Cause> {
    let limit = facts.memory_limit.map(|limit| format!(" of {}", bytes(limit)));
    let found = Found::from([("limit", limit.unwrap_or_default())]);
    facts.out_of_memory.then(|| OVER_LIMIT.fill(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_as_docker_and_podman_name_it() {
        for text in [
            "Bind for 0.0.0.0:8080 failed: port is already allocated",
            "failed to bind host port for [::]:8080:172.17.0.2:80/tcp: address already in use",
            "cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use",
        ] {
            let cause = of_refusal(ErrorKind::PortTaken, text).unwrap();
            assert!(cause.message.contains("port 8080 of"), "{text}: {}", cause.message);
        }
    }
}
