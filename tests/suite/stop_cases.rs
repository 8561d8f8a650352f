//! Stops of common kinds of programs: each ends as it would with its grace, and only a program for which the kernel
//! drops the signal is killed early.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::testbed::programs::{hears, machine};
use crate::testbed::proxy::Proxy;
use crate::testbed::sshd::Sshd;
use crate::testbed::{Bed, Engine, Task, image, shell};

/// Longer than a server takes to start on a busy machine.
const LONG: Duration = Duration::from_mins(3);

/// A program, and how it must end when it is stopped.
struct Case {
    flags: Vec<String>,
    words: Vec<String>,
    code: i64,
    /// The signal that it cannot receive.
    unheard: Option<&'static str>,
    /// Whether its last work must be complete.
    saves: bool,
}

/// A program that prints `up`, receives its signal, finishes its work and exits with 7.
fn heard(flags: &[&str], words: &[&str]) -> Case {
    Case { saves: true, ..case(flags, words, 7) }
}

/// A program that is killed early, since no signal reaches it.
fn deaf(signal: &'static str, flags: &[&str], words: &[&str]) -> Case {
    Case { unheard: Some(signal), ..case(flags, words, 137) }
}

fn case(flags: &[&str], words: &[&str], code: i64) -> Case {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    Case { flags: owned(flags), words: owned(words), code, unheard: None, saves: false }
}

/// Stops all of them at the same time.
fn check(image: &str, cases: &[Case]) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| case.check(image));
        }
    });
}

impl Case {
    fn check(&self, image: &str) {
        let bed = Bed::new();
        let what = format!("{:?} {:?}", self.flags, self.words);
        let volume = format!("{}:/out", bed.path("").display());
        let usual = ["--wait-for", "log=up", "-v", &volume];
        let flags = usual.into_iter().chain(self.flags.iter().map(String::as_str));
        let args = flags.chain(["--image", image]).chain(self.words.iter().map(String::as_str));
        let id = bed.run(args).within(LONG).any_stderr().text();
        let task = bed.task(id.trim_end());
        if self.unheard.is_some() {
            task.wait_until_asleep();
        }
        let output = bed.cube(["stop", "-o", "json", &task.id]).within(LONG).any_stderr().output();
        let result = output.json();
        assert_eq!(result["unheard"], self.unheard.map_or(Value::Null, Into::into), "{what}: {result}");
        assert_eq!(result["exit_code"], self.code, "{what}: {result}");
        let saved = std::fs::read_to_string(bed.path("work")).unwrap_or_default();
        assert_eq!(saved, if self.saves { "saved\n" } else { "" }, "{what}");
        let remedies = output.stderr.matches("--init").count();
        assert_eq!(remedies, usize::from(self.unheard.is_some()), "{what}: {}", output.stderr);
    }
}

#[test]
fn each_way_to_receive_a_signal_keeps_the_grace_and_its_work() {
    let way = |way| [way, "15", "/out/work"];
    let ways = ["handler", "late", "loads", "sigwait", "sigtimedwait", "signalfd", "thread", "works"];
    let mut cases: Vec<Case> = ways.into_iter().map(|name| heard(&[], &way(name))).collect();
    cases.extend([
        heard(&["--init"], &way("handler")),
        heard(&["--pid", "host"], &way("handler")),
        heard(&["--stop-signal", "USR1"], &["handler", "10", "/out/work"]),
        heard(&["--stop-signal", "RTMIN+3"], &["sigwait", "37", "/out/work"]),
        case(&["--init"], &way("deaf"), 143),
        case(&["--pid", "host"], &way("deaf"), 143),
        deaf("SIGTERM", &[], &way("deaf")),
        deaf("SIGTERM", &[], &way("ignores")),
        // It handles another signal only.
        deaf("SIGUSR1", &["--stop-signal", "USR1"], &way("handler")),
    ]);
    check(&hears(), &cases);
}

#[test]
fn a_task_in_another_task_s_pid_namespace_receives_every_signal() {
    let bed = Bed::new();
    let first = bed.start(["--image", &shell(), "sleep", "1000"]);
    let pid = format!("container:{}", first.id);
    let way = |way| [way, "15", "/out/work"];
    let cases = [case(&["--pid", &pid], &way("deaf"), 143), heard(&["--pid", &pid], &way("sigwait"))];
    check(&hears(), &cases);
}

#[test]
fn common_languages_and_servers_end_in_their_own_way() {
    let usr = ["-v", "/usr:/usr:ro"];
    let python =
        |rest: &str| format!("import signal, sys, time\n{rest}\nprint('up', flush=True)\ntime.sleep(1000)");
    let saves =
        "def save(*_): open('/out/work', 'w').write('saved\\n'); sys.exit(7)\nsignal.signal(15, save)";
    let (python_deaf, python_saves) = (python(""), python(saves));
    let node_usual = "console.log('up'); setInterval(() => {}, 1e6)";
    let node_saves = "process.on('SIGTERM', () => setTimeout(() => { \
        require('fs').writeFileSync('/out/work', 'saved\\n'); process.exit(7) }, 300)); console.log('up'); \
        setInterval(() => {}, 1e6)";
    let proxy = "echo up; exec docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 7 -container-ip 127.0.0.1 \
        -container-port 9";
    let shell_saves = "trap 'echo saved >/out/work; exit 7' TERM; echo up; while :; do sleep 0.1; done";
    let cases = [
        deaf("SIGTERM", &usr, &["python3", "-c", &python_deaf]),
        heard(&usr, &["python3", "-c", &python_saves]),
        // Its handler cleans up and raises the signal again, which the kernel then drops: the grace counts.
        case(&usr, &["node", "-e", node_usual], 137),
        heard(&usr, &["node", "-e", node_saves]),
        // Go's runtime handles every signal from its first moment on.
        case(&usr, &["sh", "-c", proxy], 0),
        case(&usr, &["tini-static", "--", "sh", "-c", "echo up; exec sleep 1000"], 143),
        heard(&usr, &["tini-static", "--", "sh", "-c", shell_saves]),
        heard(&[], &["sh", "-c", shell_saves]),
        heard(&[], &["sh", "-c", "echo up; sleep 3; echo saved >/out/work; exit 7"]),
        deaf("SIGTERM", &[], &["sh", "-c", "echo up; exec sleep 1000"]),
    ];
    check(&machine(), &cases);
}

#[test]
fn an_nginx_that_is_to_quit_finishes_what_it_sends() {
    let bed = Bed::new();
    let nginx = image::server("nginx");
    let flags = ["--stop-signal", "QUIT", "--wait-for", "port=80", "--image", &nginx];
    let id = bed.run(flags).within(LONG).any_stderr().text();
    let task = bed.task(id.trim_end());
    let mut slow = TcpStream::connect(("127.0.0.1", task.host_port("80/tcp"))).unwrap();
    slow.write_all(b"GET /slow HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = vec![0; 1];
    slow.read_exact(&mut answer).unwrap();
    // It is read while the task stops: what waits in the task's network is lost with that network. An engine without a
    // proxy of its own does not end the connection then.
    slow.set_read_timeout(Some(LONG)).unwrap();
    let reader = thread::spawn(move || slow.read_to_end(&mut answer).map(|_| answer).unwrap());
    let result = bed.cube(["stop", "-o", "json", &task.id]).any_stderr().json();
    let answer = reader.join().unwrap();
    assert_eq!((&result["unheard"], &result["exit_code"]), (&Value::Null, &0.into()), "{result}");
    assert!(answer.len() > 300_000, "{}", answer.len());
}

#[test]
fn a_postgresql_stopped_before_it_handles_signals_shuts_down_cleanly() {
    let bed = Bed::new();
    let volume = format!("{}-data", bed.name());
    let data = format!("{volume}:/var/lib/postgresql/data");
    let start = |flags: &[&str]| {
        let usual = ["-e", "POSTGRES_PASSWORD=secret", "-v", &data].into_iter();
        let args = usual.chain(flags.iter().copied()).chain(["--image", "cube-test/postgres:1"]);
        let id = bed.run(args).within(LONG).any_stderr().text();
        bed.task(id.trim_end())
    };
    image::postgres();
    let first = start(&["--wait-for", "postgres", "--wait-timeout", "2m"]);
    let used = bed.cube(["stop", "-o", "json", &first.id]).within(LONG).any_stderr().json();
    // The database exists now, so that the server starts at once. It is suspended before it installs its handlers.
    let early = (0..50).map(|_| start(&[])).find(is_held_early).expect("it can be held early enough");
    let proxy = Proxy::before(Engine::under_test(), None);
    let go_on = format!("/containers/{}/kill?signal=CONT", early.id);
    proxy.before_request("/wait", move || drop(Engine::under_test().post(&go_on, &Value::Null)));
    let words = bed.cube(["logs", "-f", &early.id]).any_stderr().ends_somehow().spawn();
    let stop = bed.cube(["stop", "-o", "json", &early.id]).env("DOCKER_HOST", proxy.host());
    let result = stop.within(LONG).any_stderr().json();
    let words = words.finish();
    bed.engine().delete(&format!("/volumes/{volume}"));
    for result in [used, result] {
        let seen = (&result["unheard"], &result["exit_code"]);
        assert_eq!(seen, (&Value::Null, &0.into()), "{result}\n{}{}", words.text(), words.stderr);
    }
}

/// Whether a PostgreSQL could be stopped by SIGSTOP between its program's start and its handlers.
fn is_held_early(task: &Task) -> bool {
    let pid = task.inspect()["State"]["Pid"].as_u64().unwrap();
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let deadline = Instant::now() + LONG;
    while read("comm") != "postgres\n" {
        assert!(Instant::now() < deadline, "it does not become the server");
    }
    Engine::under_test().post(&format!("/containers/{}/kill?signal=STOP", task.id), &Value::Null);
    let status = read("status");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() == 0
}

#[test]
fn an_explicit_grace_counts_at_the_end_of_with_too() {
    let bed = Bed::new();
    let (image, label) = (hears(), bed.label());
    let volume = format!("{}:/out", bed.path("").display());
    let with = |grace: &[&str], name: &str| {
        let file = format!("/out/{name}");
        let flags = ["with", "--label", &label, "--wait-for", "log=up", "-v", &volume].into_iter();
        let task = ["--image", &image, "works", "15", &file, "--", "true"];
        bed.cube(flags.chain(grace.iter().copied()).chain(task)).any_stderr().output().stderr
    };
    let with_grace = with(&["--stop-timeout", "50"], "kept");
    assert_eq!(std::fs::read_to_string(bed.path("kept")).unwrap(), "saved\n", "{with_grace}");
    assert!(!with_grace.contains("--init"), "{with_grace}");
    // On a busy machine cube may not be sure that nobody hears the signal; then it waits.
    let is_killed = |name: &str| with(&[], name).matches("--init").count() == 1;
    let killed = ["first", "second", "third"].into_iter().find(|name| is_killed(name));
    assert!(killed.is_some_and(|name| !bed.path(name).exists()), "{killed:?}");
}

#[test]
fn processes_of_a_remote_engine_are_not_inspected() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    // On another machine, the pids may belong to other processes; on this machine, the rule would apply.
    let stop = sshd.carry(&bed, bed.cube(["stop", "-o", "json", &task.id])).any_stderr().output();
    assert_eq!(stop.json()["unheard"], Value::Null, "{}", stop.stderr);
    assert!(stop.took >= Duration::from_secs(10), "{:?}", stop.took);
    assert!(!Engine::under_test().has_container(&task.id));
}
