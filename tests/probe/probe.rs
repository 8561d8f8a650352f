//! The program in the test images: it carries out its arguments, one after the other.
//!
//! Built alone by `rustc`, without a crate, so that it needs no image to start from.

mod pattern;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use pattern::{Lines, Noise};

/// Set by `say-signals`: print the signal before ending by it.
static SAY: AtomicBool = AtomicBool::new(false);

// The C library's own names: std has no way to catch a signal.
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn kill(process: i32, number: i32) -> i32;
    fn getpid() -> i32;
    fn getuid() -> u32;
    fn _exit(code: i32) -> !;
    fn write(file: i32, bytes: *const u8, length: usize) -> isize;
}

const IGNORE: usize = 1;
const DEFAULT: usize = 0;

/// The first process of a container ignores signals that it does not catch.
extern "C" fn end(number: i32) {
    if SAY.load(Ordering::Relaxed) {
        // Not by std's standard output, in which the signal may have come.
        let digits = [number / 10, number % 10].map(|digit| b'0' + digit as u8);
        let text = [b"signal ", &digits[usize::from(number < 10)..], b"\n"].concat();
        unsafe { write(1, text.as_ptr(), text.len()) };
    }
    unsafe { _exit(128 + number) }
}

fn main() {
    for number in [1, 2, 3, 10, 12, 15] {
        unsafe { signal(number, end as *const () as usize) };
    }
    let actions: Vec<String> = std::env::args().skip(1).collect();
    for action in &actions {
        let (verb, value) = action.split_once('=').unwrap_or((action, ""));
        if let Err(error) = act(verb, value) {
            eprintln!("probe: {action}: {error}");
            exit(1);
        }
    }
}

fn act(verb: &str, value: &str) -> io::Result<()> {
    match verb {
        "out" => say(&mut io::stdout(), &format!("{value}\n"))?,
        "err" => say(&mut io::stderr(), &format!("{value}\n"))?,
        "out-raw" => say(&mut io::stdout(), value)?,
        "err-raw" => say(&mut io::stderr(), value)?,
        "lines" => write_all(lines(value), &mut io::stdout())?,
        "err-lines" => write_all(lines(value), &mut io::stderr())?,
        "bytes" => write_all(Noise::new(number(value)), &mut io::stdout())?,
        "err-bytes" => write_all(Noise::new(number(value)), &mut io::stderr())?,
        "env" => environment(value)?,
        "args" => std::env::args().for_each(|argument| println!("{argument}")),
        "cwd" => println!("{}", std::env::current_dir()?.display()),
        "uid" => println!("{}", unsafe { getuid() }),
        "hostname" => print!("{}", fs::read_to_string("/proc/sys/kernel/hostname")?),
        "cat" => drop(io::copy(&mut io::stdin(), &mut io::stdout())?),
        "read" => drop(io::copy(&mut fs::File::open(value)?, &mut io::stdout())?),
        "exists" => drop(fs::metadata(value)?),
        "write" => write_file(value)?,
        "memory" => allocate(number(value)),
        "say-signals" => SAY.store(true, Ordering::Relaxed),
        "ignore" => drop(unsafe { signal(number(value) as i32, IGNORE) }),
        "die" => die(number(value) as i32),
        "listen" => accept(value, None)?,
        "http" => serve(value)?,
        "udp" => echo(value)?,
        "now" => println!("{}", UNIX_EPOCH.elapsed().expect("a clock").as_nanos()),
        "sleep" => thread::sleep(Duration::from_secs_f64(value.parse().expect("seconds"))),
        "await" => await_file(value),
        "forever" => loop {
            thread::park();
        },
        "exit" => exit(number(value) as i32),
        _ => return Err(io::Error::other("not known to the probe")),
    }
    Ok(())
}

fn say(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn number(value: &str) -> u64 {
    value.parse().unwrap_or_else(|_| panic!("probe: {value:?} is not a number"))
}

/// Writes all blocks to `out`.
fn write_all(blocks: impl Iterator<Item = Vec<u8>>, out: &mut impl Write) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(256 * 1024, out);
    for block in blocks {
        out.write_all(&block)?;
    }
    out.flush()
}

/// `COUNTxWIDTH`.
fn lines(value: &str) -> Lines {
    let (count, width) = value.split_once('x').unwrap_or((value, "64"));
    Lines::new(number(count), number(width) as usize)
}

fn environment(name: &str) -> io::Result<()> {
    let all: BTreeMap<String, String> = std::env::vars().collect();
    for (key, value) in &all {
        match name {
            "" => println!("{key}={value}"),
            _ if name == key => println!("{value}"),
            _ => {}
        }
    }
    let found = name.is_empty() || all.contains_key(name);
    found.then_some(()).ok_or_else(|| io::Error::other("not set"))
}

/// Returns when the file exists.
fn await_file(path: &str) {
    while fs::metadata(path).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
}

/// `PATH:BYTES`.
fn write_file(value: &str) -> io::Result<()> {
    let (path, size) = value.rsplit_once(':').expect("PATH:BYTES");
    let mut file = fs::File::create(path)?;
    write_all(Noise::new(number(size)), &mut file)?;
    file.sync_all()
}

fn allocate(megabytes: u64) {
    let size = megabytes as usize * 1024 * 1024;
    let mut block = vec![0u8; size];
    for at in (0..size).step_by(4096) {
        block[at] = 1;
    }
    std::hint::black_box(block);
}

fn die(number: i32) {
    unsafe {
        signal(number, DEFAULT);
        kill(getpid(), number);
    }
}

/// `ADDRESS:PORT`, in the background; each connection is sent `answer` and closed.
fn accept(address: &str, answer: Option<String>) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let answer = answer.unwrap_or_else(|| "hello\n".to_owned());
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let mut request = [0; 4096];
            if answer.starts_with("HTTP") {
                let _ = peer.read(&mut request);
            }
            let _ = peer.write_all(answer.as_bytes());
        }
    });
    Ok(())
}

/// `ADDRESS:PORT/STATUS`.
fn serve(value: &str) -> io::Result<()> {
    let (address, status) = value.rsplit_once('/').unwrap_or((value, "200"));
    let head = format!("HTTP/1.1 {status} probe\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    accept(address, Some(head))
}

/// `ADDRESS:PORT`, in the background; each datagram is sent back.
fn echo(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((size, peer)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..size], peer);
        }
    });
    Ok(())
}
