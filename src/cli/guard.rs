//! The guard: a second process that reads from a pipe and removes the task if cube dies unexpectedly, by SIGKILL or a
//! panic; it also ends HOST-COMMAND of `with` then. While it waits it is a cheap fork of cube; when it has to act, it
//! executes cube again. It ignores all signals but SIGKILL, and it changes its command line, so that `pkill -f cube`
//! does not end both.

mod host_process;

use std::{
    ffi::OsString,
    fs,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::unix::{fs::FileExt, process::CommandExt},
    process::{Command, ExitCode},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use cube::{Docker, Error, ErrorKind, Event, Task};
use fork::Fork;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::{
    process::{Pid, setpgid},
    thread::set_name,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cli::{app, copies, guard::host_process::HostProcess};

const VERB: &str = "guard";
/// The process's name in its command line. It is not `cube`, so that killing cube by its name spares the guard.
const TITLE: &str = "task-guard";
/// An argument after the task's UUID: the task is on a swarm.
const SWARM: &str = "swarm";
/// The next argument: the engine has not answered yet whether it made a container.
const IN_DOUBT: &str = "in-doubt";
/// The next argument: the task is removed only when it has ended.
const AT_END: &str = "at-end";
/// The prefix of the last argument: the process of HOST-COMMAND.
const HOST_COMMAND: &str = "host-command=";
/// The variable with the names of the task's networks: a JSON list.
const NETWORKS: &str = "CUBE_GUARD_NETWORKS";

/// What a guard knows of its task: no container was requested, or the engine refused to make it.
const NOTHING: u8 = b'n';
/// The request to make a container is on its way.
const ASKED: u8 = b'?';
/// The container exists.
const MADE: u8 = b'!';
/// cube detached from the task; the guard removes it when it ends.
const LEFT: u8 = b'e';
/// The task needs no guard: it is gone, or it runs on by itself.
const RELEASED: u8 = b'.';
/// The next bytes identify HOST-COMMAND, which must end when cube does.
const HOST: u8 = b'h';

/// How long a guard looks for a container that an open request may still make, counted from the engine's first answer;
/// and how long it goes on trying while no engine answers, or the engine fails.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a guard waits for an engine that accepts connections but does not answer.
const HANGING: Duration = Duration::from_hours(1);
/// The pause between two tries: no event says when the engine is back.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A running guard. If it is dropped without [`Guard::release`], the guard removes the task.
pub struct Guard(Word);

/// The way to send messages to a guard.
#[derive(Clone)]
pub struct Word(Arc<PipeWriter>);

impl Guard {
    /// Starts a guard for the task. The engine is found by `hosts` or `context`.
    pub fn post(task: &Task, hosts: &[String], context: Option<&str>) -> Result<Self, Error> {
        Self::fork(task, hosts, context).map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start the process that guards the task")
                .with_source(cause)
                .with_hint("see whether a limit is reached, of processes or of open files: ulimit -u -n")
        })
    }

    fn fork(task: &Task, hosts: &[String], context: Option<&str>) -> io::Result<Self> {
        let program = program(task, hosts, context);
        let (word, pipe) = io::pipe()?;
        // The fork starts with all signals blocked.
        let mut signals = SigSet::all();
        // A program that it starts, for example ssh, needs SIGCHLD for its own children.
        signals.remove(Signal::SIGCHLD);
        let mask = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let forked = fork::fork();
        if matches!(forked, Ok(Fork::Child)) {
            drop(pipe);
            stand(word, program, task.config.network.create_network, &format!("{TITLE}\0{}", task.id));
        }
        mask.thread_set_mask()?;
        if let Fork::Parent(child) = forked? {
            leave_group(Pid::from_raw(child));
        }
        Ok(Self(Word(Arc::new(pipe))))
    }

    /// The way to report the progress of the task's start.
    pub fn word(&self) -> Word {
        self.0.clone()
    }

    /// Has the guard end the process `pid` of this machine if cube dies.
    pub fn watch_host(&self, pid: u32) {
        if let Some(process) = HostProcess::running(pid) {
            self.0.write(&[&[HOST], process.to_bytes().as_slice()].concat());
        }
    }

    /// Lets the task run on; the guard removes it at its end.
    pub fn release_until_end(self) {
        self.0.say(LEFT);
    }

    /// Ends the guard: the task needs none any more.
    pub fn release(self) {
        self.0.say(RELEASED);
    }
}

impl Word {
    /// Passes on the events that matter to the guard.
    pub fn hear(&mut self, event: &Event) {
        self.say(match event {
            Event::Creating => ASKED,
            Event::Created => MADE,
            // The create request before was refused, because the image was missing.
            Event::PullStarted { .. } => NOTHING,
            _ => return,
        });
    }

    fn say(&self, word: u8) {
        self.write(&[word]);
    }

    fn write(&self, words: &[u8]) {
        let _ = (&*self.0).write_all(words);
    }
}

/// The command that the fork executes when it has to act.
fn program(task: &Task, hosts: &[String], context: Option<&str>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(TITLE).arg(VERB).arg(task.id.to_string()).args(task.config.swarm.then_some(SWARM));
    if task.config.network.create_network {
        let names: Vec<&str> =
            task.config.network.networks.iter().map(|network| network.name.as_str()).collect();
        command.env(NETWORKS, serde_json::to_string(&names).unwrap_or_default());
    }
    command.env("CUBE_HOST", hosts.join(" ")).env("CUBE_CONTEXT", context.unwrap_or_default());
    copies::order(&mut command, &task.config.files.copy_out);
    command
}

/// Runs in the fork: waits for a message or the end of the pipe. If the task makes networks, there may be a network
/// to remove even if there is no container.
#[expect(clippy::exit, reason = "a fork must not return into the work of its parent")]
fn stand(word: PipeReader, mut program: Command, makes_network: bool, title: &str) -> ! {
    leave_group(None);
    let _ = set_name(c"task-guard");
    let _ = set_command_line(title);
    // A reader of cube's output must not have to wait for the guard to end.
    let silent = fork::redirect_stdio();
    let (last, host) = last_word(word);
    match last {
        RELEASED => {}
        NOTHING if !makes_network => {}
        _ if silent.is_err() => {}
        _ => {
            program.args(match last {
                MADE | NOTHING => None,
                LEFT => Some(AT_END),
                _ => Some(IN_DOUBT),
            });
            drop(program.args(host.map(|host| HOST_COMMAND.to_owned() + &host.word())).exec());
        }
    }
    std::process::exit(1)
}

/// Moves a process (this one if `None`) into a process group of its own, so that Ctrl-C and the end of the terminal's
/// job do not reach it. The fork and its parent both do this; the first one succeeds.
fn leave_group(pid: Option<Pid>) {
    let _ = setpgid(pid, pid);
}

/// Overwrites this process's arguments in memory, as far as there is room: `ps` and `pkill -f` read them there.
fn set_command_line(title: &str) -> io::Result<()> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let place = command_line_in(&stat).ok_or(io::ErrorKind::InvalidData)?;
    let mut words = vec![0; usize::try_from(place.end - place.start).map_err(io::Error::other)?];
    // The last byte stays: it is the NUL that ends the last argument.
    let room = words.len().saturating_sub(1);
    words.iter_mut().take(room).zip(title.bytes()).for_each(|(to, from)| *to = from);
    fs::File::options().write(true).open("/proc/self/mem")?.write_all_at(&words, place.start)
}

/// The memory range of the arguments: fields 48 and 49 of `/proc/PID/stat`, counted from the end of the program's name.
fn command_line_in(stat: &str) -> Option<std::ops::Range<u64>> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(45);
    let place: std::ops::Range<u64> = fields.next()?.parse().ok()?..fields.next()?.parse().ok()?;
    (0 < place.start && place.start < place.end && place.end - place.start < 16 << 20).then_some(place)
}

/// The last message before the pipe was closed, and the process that has to end with cube.
fn last_word(mut word: impl Read) -> (u8, Option<HostProcess>) {
    let (mut last, mut host, mut said) = (NOTHING, None, [0]);
    loop {
        match word.read(&mut said) {
            Ok(0) => return (last, host),
            Ok(_) if said == [HOST] => host = host_process(&mut word),
            Ok(_) if said == [RELEASED] => return (RELEASED, host),
            Ok(_) => [last] = said,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The state is unknown: whatever exists has to be removed.
            Err(_) => return (ASKED, host),
        }
    }
}

fn host_process(word: &mut impl Read) -> Option<HostProcess> {
    let mut bytes = [0; 12];
    word.read_exact(&mut bytes).ok()?;
    HostProcess::from_bytes(bytes)
}

/// What a guard has to remove.
#[derive(Clone, Copy)]
pub struct Order {
    task_id: Uuid,
    swarm: bool,
    in_doubt: bool,
    at_end: bool,
    host: Option<HostProcess>,
}

/// The task to guard, if this process was started as a guard.
pub fn order(argv: &[OsString]) -> Option<Order> {
    let [_, verb, task, rest @ ..] = argv else { return None };
    let host_in = |word: &OsString| HostProcess::parse(word.to_str()?.strip_prefix(HOST_COMMAND)?);
    let is_known = |word: &OsString| {
        [SWARM, IN_DOUBT, AT_END].iter().any(|known| word == known) || host_in(word).is_some()
    };
    if verb != VERB || !rest.iter().all(is_known) {
        return None;
    }
    let has = |word: &str| rest.iter().any(|each| each == word);
    let task_id = task.to_str()?.parse().ok()?;
    let (in_doubt, at_end, host) = (has(IN_DOUBT), has(AT_END), rest.iter().find_map(host_in));
    Some(Order { task_id, swarm: has(SWARM), in_doubt, at_end, host })
}

/// Ends HOST-COMMAND and removes the task.
pub fn serve(order: Order) -> ExitCode {
    let runtime = app::runtime();
    let host_ends = order.host.map(|host| thread::spawn(move || host.end()));
    let cleared = runtime.map(|runtime| runtime.block_on(clear(order)));
    let _ = host_ends.map(JoinHandle::join);
    match cleared {
        Ok(Ok(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn clear(order: Order) -> Result<bool, Error> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let hosts: Vec<String> = var("CUBE_HOST").split_whitespace().map(str::to_owned).collect();
    let context = var("CUBE_CONTEXT");
    let begun = Instant::now();
    let mut there = begun;
    loop {
        let error = match discard(order, &hosts, &context).await {
            Err(error) => error,
            discarded => return discarded,
        };
        // The engine took the request: it hangs, or it is shutting down.
        if error.kind() == ErrorKind::ConnectionLost {
            there = Instant::now();
        }
        if !is_tried_again(error.kind(), begun.elapsed(), there.elapsed()) {
            return Err(error);
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Whether a failed removal is tried again. `begun` is the time since the first try, `there` the time since the engine
/// last took a request. A removal that fails once, for example on a busy disk, may succeed in a moment.
fn is_tried_again(failed: ErrorKind, begun: Duration, there: Duration) -> bool {
    match failed {
        ErrorKind::ConnectionLost => begun < HANGING,
        ErrorKind::EngineUnreachable | ErrorKind::Engine | ErrorKind::BadAnswer => there < PATIENCE,
        _ => false,
    }
}

async fn discard(order: Order, hosts: &[String], context: &str) -> Result<bool, Error> {
    let (docker, _) = app::connect(hosts, Some(context), Docker::ANSWER_TIMEOUT, &|_| ()).await?;
    if order.at_end {
        match docker.find(&order.task_id.to_string().parse()?).await {
            Ok((task, _)) => drop(task.wait_through().await?),
            // Its networks may still exist.
            Err(error) if error.kind() == ErrorKind::TaskNotFound => {}
            Err(error) => return Err(error),
        }
    }
    copies::rescue(&docker, order.task_id).await?;
    let networks = networks();
    // The container may appear late or never.
    if order.in_doubt && !networks.is_empty() {
        docker.remove_unused_networks(&networks).await?;
    }
    let lookout = if order.in_doubt { PATIENCE } else { Duration::ZERO };
    let found = docker.discard_by_id(order.task_id, order.swarm, lookout).await?;
    if !networks.is_empty() {
        docker.remove_unused_networks(&networks).await?;
    }
    Ok(found)
}

/// In the guard: the names of the networks that its task makes.
fn networks() -> Vec<String> {
    serde_json::from_str(&std::env::var(NETWORKS).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guards_order_is_read_as_it_is_written() {
        let read = |words: &[&str]| order(&words.iter().map(OsString::from).collect::<Vec<_>>());
        let id = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";
        let whole = read(&["task-guard", "guard", id, "swarm", "in-doubt"]).unwrap();
        assert!(whole.swarm && whole.in_doubt && whole.task_id.to_string() == id);
        let short = read(&["task-guard", "guard", id]).unwrap();
        assert!(!short.swarm && !short.in_doubt && short.host.is_none());
        let host = read(&["task-guard", "guard", id, "host-command=12:34"]).unwrap().host;
        assert_eq!(host, HostProcess::parse("12:34"));
        assert!(read(&["task-guard", "guard", id, "host-command=12"]).is_none());
        assert!(read(&["cube", "guard", "x"]).is_none() && read(&["cube", "guard", id, "x"]).is_none());
        assert!(read(&["cube", "run", id]).is_none() && read(&["cube"]).is_none());
    }

    #[test]
    fn an_engine_that_fails_once_is_asked_again_for_two_minutes() {
        let (early, late) = (Duration::from_secs(119), Duration::from_secs(121));
        for kind in [ErrorKind::Engine, ErrorKind::BadAnswer, ErrorKind::EngineUnreachable] {
            assert!(is_tried_again(kind, early, early) && !is_tried_again(kind, late, late), "{kind:?}");
        }
        assert!(is_tried_again(ErrorKind::ConnectionLost, late, late));
        assert!(!is_tried_again(ErrorKind::ConnectionLost, HANGING, early));
        assert!(!is_tried_again(ErrorKind::PermissionDenied, early, early));
    }

    #[test]
    fn the_last_word_counts_beside_the_process_that_is_named() {
        let host = HostProcess::parse("12:34").unwrap();
        let said = [&[ASKED, MADE, HOST], host.to_bytes().as_slice()].concat();
        assert_eq!(last_word(said.as_slice()), (MADE, Some(host)));
        let released = [said.as_slice(), &[RELEASED]].concat();
        assert_eq!(last_word(released.as_slice()), (RELEASED, Some(host)));
        assert_eq!(last_word([MADE, HOST, 1].as_slice()), (MADE, None));
        assert_eq!(last_word([].as_slice()), (NOTHING, None));
    }

    #[test]
    fn the_place_of_the_command_line_is_found_behind_any_name() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let place = command_line_in(&stat).unwrap();
        let length: usize = std::env::args_os().map(|word| word.len() + 1).sum();
        assert_eq!(place.end - place.start, length as u64);
        let odd = stat.replacen('(', "(a ) 1 2 (", 1);
        assert_eq!(command_line_in(&odd), Some(place));
        assert_eq!(command_line_in("1 (x) S 1 2"), None);
    }
}
