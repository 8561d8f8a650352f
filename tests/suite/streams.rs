//! Output arrives completely: every byte, in order, once.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::load;
use crate::testbed::pattern::{Lines, Noise};
use crate::testbed::{Bed, cube, probe};

/// Compares the bytes written to it with the expected ones, without storing them.
struct Compare<I> {
    expected: I,
    block: Vec<u8>,
    at: u64,
}

impl<I: Iterator<Item = Vec<u8>>> Compare<I> {
    fn with(expected: I) -> Self {
        Self { expected, block: Vec::new(), at: 0 }
    }

    fn fault(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what} at byte {}", self.at))
    }
}

impl<I: Iterator<Item = Vec<u8>>> Write for Compare<I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.block.is_empty() {
            self.block = self.expected.next().ok_or_else(|| self.fault("more than expected"))?;
        }
        let size = bytes.len().min(self.block.len());
        if self.block[..size] != bytes[..size] {
            return Err(self.fault("another byte than expected near"));
        }
        self.block.drain(..size);
        self.at += size as u64;
        Ok(size)
    }

    /// Checks at the end that nothing is missing.
    fn flush(&mut self) -> io::Result<()> {
        let missing = !self.block.is_empty() || self.expected.next().is_some();
        if missing { Err(self.fault("the output ends")) } else { Ok(()) }
    }
}

const LINES: u64 = 2_000_000;
const WIDTH: usize = 100;
const LONG: Duration = Duration::from_mins(5);
/// The limit for constant memory, in KiB.
const MEMORY: u64 = 20 * 1024;

#[test]
fn two_hundred_megabytes_attached_in_constant_memory() {
    let bed = Bed::new();
    let lines = format!("lines={LINES}x{WIDTH}");
    let run = bed.run(["--attach", "--image", &probe(), &lines]).within(LONG);
    let output = run.stdout_to(Compare::with(Lines::new(LINES, WIDTH))).output();
    assert!((1..MEMORY).contains(&output.peak_kib), "{} KiB", output.peak_kib);
    bed.assert_empty();
}

#[test]
fn two_hundred_megabytes_of_logs_in_constant_memory() {
    let bed = Bed::new();
    let lines = format!("lines={LINES}x{WIDTH}");
    let task = bed.start(["--image", &probe(), &lines]);
    let follow = bed.cube(["logs", "-f", &task.id]).within(LONG);
    let follow = follow.stdout_to(Compare::with(Lines::new(LINES, WIDTH))).output();
    let logs = bed.cube(["logs", &task.id]).within(LONG);
    let logs = logs.stdout_to(Compare::with(Lines::new(LINES, WIDTH))).output();
    assert!((1..MEMORY).contains(&follow.peak_kib), "{} KiB following", follow.peak_kib);
    assert!((1..MEMORY).contains(&logs.peak_kib), "{} KiB", logs.peak_kib);
}

/// A reader that takes 0.1 s for each megabyte, slower than any engine writes.
struct Slow<W> {
    sink: W,
    taken: usize,
}

impl<W: Write> Write for Slow<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.sink.write(bytes)?;
        self.taken += size;
        if self.taken > 1 << 20 {
            self.taken = 0;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[test]
fn a_slow_reader_gets_everything_in_constant_memory() {
    let megabytes = load::count("CUBE_TEST_SLOW_MEGABYTES", 20) as u64;
    let lines = megabytes * 1_000_000 / WIDTH as u64;
    let wide = || Slow { sink: Compare::with(Lines::new(lines, WIDTH)), taken: 0 };
    let (bed, action) = (Bed::new(), format!("lines={lines}x{WIDTH}"));
    let limit = Duration::from_secs(60 + 2 * megabytes);
    let attached =
        bed.run(["--attach", "--image", &probe(), &action]).within(limit).stdout_to(wide()).output();
    let task = bed.start(["--image", &probe(), &action]);
    let follow = bed.cube(["logs", "-f", &task.id]).within(limit).stdout_to(wide()).output();
    println!(
        "{megabytes} MB into a slow reader: attached {:?} and {} KiB, following {:?} and {} KiB",
        attached.took, attached.peak_kib, follow.took, follow.peak_kib
    );
    assert!((1..MEMORY).contains(&attached.peak_kib), "{} KiB attached", attached.peak_kib);
    assert!((1..MEMORY).contains(&follow.peak_kib), "{} KiB following", follow.peak_kib);
}

#[test]
fn last_words_of_a_task_are_never_lost() {
    let tasks = load::count("CUBE_TEST_LAST_WORDS", 10);
    let (bed, image) = (Bed::new(), probe());
    for number in 0..tasks {
        let last = format!("last words {number}");
        let said = format!("out-raw={last}");
        assert_eq!(bed.run(["--attach", "--image", &image, &said]).text(), last);
        let task = bed.start(["--image", &image, &said]);
        assert_eq!(bed.cube(["logs", "-f", &task.id]).text(), last, "following task {number}");
        bed.cube(["stop", &task.id]).output();
    }
    bed.assert_empty();
    println!("the last words of {} tasks arrived", 2 * tasks);
}

#[test]
fn binary_data_on_both_streams() {
    let bed = Bed::new();
    let args = ["--attach", "--image", &probe(), "bytes=3000000"];
    bed.run(args).stdout_to(Compare::with(Noise::new(3_000_000))).output();
    let task = bed.start(["--image", &probe(), "bytes=3000000"]);
    bed.cube(["logs", "-f", &task.id]).stdout_to(Compare::with(Noise::new(3_000_000))).output();
    bed.cube(["logs", &task.id]).stdout_to(Compare::with(Noise::new(3_000_000))).output();
}

#[test]
fn lines_over_sixteen_kibibytes() {
    let bed = Bed::new();
    let wide = || Lines::new(20, 100_000);
    bed.run(["--attach", "--image", &probe(), "lines=20x100000"]).stdout_to(Compare::with(wide())).output();
    let task = bed.start(["--image", &probe(), "lines=20x100000"]);
    task.ended();
    bed.cube(["logs", &task.id]).stdout_to(Compare::with(wide())).output();
    bed.cube(["logs", "-f", &task.id]).stdout_to(Compare::with(wide())).output();
}

#[test]
fn a_last_line_without_newline() {
    let bed = Bed::new();
    assert_eq!(bed.run(["--attach", "--image", &probe(), "out=a", "out-raw=b"]).text(), "a\nb");
    let task = bed.start(["--image", &probe(), "out=a", "out-raw=b"]);
    task.ended();
    assert_eq!(bed.cube(["logs", &task.id]).text(), "a\nb");
}

#[test]
fn a_task_that_ends_at_once_loses_nothing() {
    let bed = Bed::new();
    for round in 0..20 {
        let (out, err) = (format!("out=out {round}"), format!("err=err {round}"));
        let output = bed.run(["--attach", "--image", &probe(), &out, &err]).any_stderr().output();
        let seen = (output.text(), output.stderr);
        assert_eq!(seen, (format!("out {round}\n"), format!("err {round}\n")));
    }
    bed.assert_empty();
}

#[test]
fn a_burst_before_the_end_arrives_whole() {
    let bed = Bed::new();
    for _ in 0..5 {
        let run = bed.run(["--attach", "--image", &probe(), "lines=20000x50", "exit=7"]);
        run.exits(7).stdout_to(Compare::with(Lines::new(20_000, 50))).output();
    }
}

#[test]
fn a_closed_stdout_ends_the_output_quietly() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "lines=100000x100"]);
    task.ended();
    let logs = bed.cube(["logs", &task.id]).stdout_to(Head(1)).sink_may_stop().output();
    assert_eq!(logs.status, 0);
}

#[test]
fn an_attached_task_is_removed_if_its_reader_stops() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "--image", &probe(), "lines=100000x100", "forever"]);
    run.stdout_to(Head(1)).sink_may_stop().output();
    bed.assert_empty();
}

#[test]
fn the_same_by_a_real_pipe() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "lines=100000x100"]);
    task.ended();
    let script = "set -o pipefail; \"$0\" logs \"$1\" | head -1";
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).arg(cube::binary()).arg(&task.id).stdin(Stdio::null());
    let output = bash.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, Lines::new(1, 100).next().unwrap());
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// Takes this many blocks and then no more.
struct Head(usize);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A shell line that runs cube with these streams non-blocking, as Node.js does. `python3` sets the flag, which a shell
/// cannot do.
fn non_blocking(streams: &str) -> String {
    format!(
        "exec python3 -c 'import os,sys\n\
         for fd in map(int, sys.argv[1]): os.set_blocking(fd, False)\n\
         os.execv(sys.argv[2], sys.argv[2:])' {streams} \"$@\""
    )
}

#[test]
fn streams_that_are_non_blocking_lose_nothing() {
    let bed = Bed::new();
    let image = probe();
    let expected = |lines: &str| bed.run(["-a", "--image", &image, lines]).output().stdout;
    let whole = expected("lines=40000x100");
    let run = bed.run(["-a", "--image", &image, "lines=40000x100", "err-lines=40000x100"]);
    let output = run.by_shell(&non_blocking("12")).any_stderr().output();
    assert!(output.stdout == whole && output.stderr.into_bytes() == whole);

    let input: Vec<u8> = whole.iter().copied().take(1 << 20).collect();
    let mut cat = bed.run(["-a", "-i", "--image", &image, "out=up", "cat"]);
    cat = cat.by_shell(&non_blocking("01")).open_stdin();
    let mut running = cat.spawn();
    // There is nothing to read yet.
    running.wait_for_stdout("up\n");
    running.write_stdin(std::str::from_utf8(&input).unwrap());
    running.close_stdin();
    assert!(running.finish().stdout == [b"up\n".as_slice(), &input].concat());

    let task = bed.start(["--image", &image, "lines=40000x100", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).by_shell(&non_blocking("12")).ends(130).spawn();
    logs.wait_for_stdout(std::str::from_utf8(&whole[whole.len() - 100..]).unwrap());
    logs.signal(rustix::process::Signal::INT);
    assert!(logs.finish().stdout == whole);
    let exec = ["exec", "-i", &task.id, "/probe", "cat"];
    let echoed = bed.cube(exec).by_shell(&non_blocking("012")).stdin(input.clone()).output();
    assert!(echoed.stdout == input);
}

#[test]
fn input_that_cannot_be_read_is_reported() {
    let bed = Bed::new();
    let run = bed.run(["-a", "-i", "--image", &probe(), "cat"]).by_shell(r#"exec "$@" </"#);
    run.stderr_has("standard input cannot be read").output();
}

#[test]
fn a_closed_stdout_ends_an_interactive_run_with_open_input() {
    let bed = Bed::new();
    // One task goes on writing, the other is silent.
    for rest in ["lines=100000000x100", "forever"] {
        let args = ["-a", "-i", "--image", &probe(), "--stop-timeout", "1", "out=x", rest];
        let run = bed.run(args).by_shell(r#""$@" | head -n 1; exit "$?""#).open_stdin();
        let mut running = run.within(Duration::from_secs(20)).any_stderr().spawn();
        running.wait_for_stdout("x\n");
        running.wait_for_end();
        bed.assert_empty();
        running.finish();
    }
}
