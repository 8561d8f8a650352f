//! Causes from an exit code above 128: the signal that ended the task's process.

use cube::{
    Cause,
    CauseKind::{Crashed, Killed},
};

use crate::cli::record::cause::{
    facts::Facts,
    text::{CauseText, Found},
};

const KILL: i64 = 9;

/// The signals of a crash, how shells report them, and what each means.
const CRASHES: &[(i64, &str, CauseText)] = &[
    (
        11,
        "segmentation fault",
        CauseText::new(
            Crashed,
            "the program crashed by an invalid memory access (SIGSEGV)",
            "it is a fault of the program or of a library: try another version of the image, or run it under a debugger",
        ),
    ),
    (
        6,
        "abort",
        CauseText::new(
            Crashed,
            "the program aborted itself (SIGABRT)",
            "its last lines usually name the check that failed: see `--attach` or --log-file",
        ),
    ),
    (
        4,
        "illegal instruction",
        CauseText::new(
            Crashed,
            "the program crashed by an instruction that the processor does not know (SIGILL)",
            "use a build of it for this processor: an older version, or another --platform",
        ),
    ),
    (
        7,
        "bus error",
        CauseText::new(
            Crashed,
            "the program crashed by an access to memory that is not there (SIGBUS)",
            "where it uses /dev/shm, give it more with --shm-size; else try another version of the image",
        ),
    ),
    (
        8,
        "floating point exception",
        CauseText::new(
            Crashed,
            "the program crashed by an impossible calculation, for example a division by zero (SIGFPE)",
            "it is a fault of the program: try another version of the image, or run it under a debugger",
        ),
    ),
    (
        5,
        "trace/breakpoint trap",
        CauseText::new(
            Crashed,
            "the program stopped itself by a trap (SIGTRAP)",
            "it is a fault of the program: try another version of the image, or run it under a debugger",
        ),
    ),
    (
        31,
        "bad system call",
        CauseText::new(
            Crashed,
            "the program made a system call that its security profile forbids (SIGSYS)",
            "allow the call with --security-opt seccomp=PROFILE",
        ),
    ),
];

const BY_ENGINE: CauseText = CauseText::new(
    Killed,
    "somebody else ended the task through the engine with {signal}",
    "see who runs `docker kill`, `docker stop` or `cube stop` on this engine",
);

const BY_KERNEL: CauseText = CauseText::new(
    Killed,
    "the task was most likely killed from outside with SIGKILL, and not through the engine",
    "see the kernel's log (`dmesg`) on the engine's machine; if memory was short there, set a limit with --memory",
);

/// A signal that was sent through the engine, which reports it as an event.
pub fn of_engine(facts: &Facts) -> Option<Cause> {
    let signal = signal(facts)?;
    let sent = i64::from(facts.engine_signal?);
    let crash = CRASHES.iter().any(|(number, ..)| *number == signal);
    (sent == signal && !crash).then(|| BY_ENGINE.fill(&Found::from([("signal", name(signal))])))
}

/// The signal in the exit code. A shell may return the code of its last command, or any other: there, only a crash
/// counts that the shell also reports in its output.
pub fn of_code(facts: &Facts) -> Option<Cause> {
    let signal = signal(facts)?;
    let crash = CRASHES.iter().find(|(number, ..)| *number == signal);
    if let Some((_, words, text)) = crash {
        let said = facts.lines.iter().any(|line| line.to_lowercase().contains(words));
        return (said || !facts.runs_in_shell()).then(|| text.fill(&Found::new()));
    }
    (signal == KILL && !facts.runs_in_shell() && !facts.command.is_empty())
        .then(|| BY_KERNEL.fill(&Found::new()))
}

fn signal(facts: &Facts) -> Option<i64> {
    facts.code?.checked_sub(128).filter(|number| *number > 0)
}

fn name(number: i64) -> String {
    number.to_string().parse::<cube::Signal>().map_or_else(|_| format!("signal {number}"), |s| s.to_string())
}
