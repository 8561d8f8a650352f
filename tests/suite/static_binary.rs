//! The binary: it is static, so that it runs in an image with nothing else in it.

use std::fs;

use crate::testbed::{Bed, cube::binary, probe};

/// The program header of an interpreter, which only a dynamic program has.
const PT_INTERP: u32 = 3;

/// The types of an ELF file's program headers.
fn headers(elf: &[u8]) -> Vec<u32> {
    let number = |at: usize, length: usize| {
        elf[at..at + length].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    assert_eq!(&elf[..5], b"\x7fELF\x02", "no ELF file of 64 bits");
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).map(|index| u32::try_from(number(start + index * size, 4)).unwrap()).collect()
}

#[test]
fn asks_for_no_interpreter() {
    let headers = headers(&fs::read(binary()).unwrap());
    assert!(
        !headers.is_empty() && !headers.contains(&PT_INTERP),
        "RUSTFLAGS takes the place of .cargo/config.toml's"
    );
}

/// The engine's socket, as an image without anything else has it mounted.
const SOCKET: &str = "/var/run/docker.sock";

#[test]
fn runs_a_task_from_an_image_with_nothing_else_in_it() {
    let bed = Bed::new();
    let (program, socket) = (format!("{}:/cube", binary().display()), format!("{SOCKET}:{SOCKET}"));
    let image = probe();
    let outer = ["run", "--rm", "-v", &program, "-v", &socket, "--entrypoint", "/cube", &image];
    let inner = ["run", "--rm", "--pull", "never", &image, "out=from within"];
    assert_eq!(bed.cube(outer.iter().chain(&inner)).text(), "from within\n");
}

#[test]
fn looks_names_up_in_the_hosts_file_of_such_an_image() {
    let bed = Bed::new();
    let program = format!("{}:/cube", binary().display());
    let image = probe();
    let outer = [
        "run",
        "--rm",
        "-v",
        &program,
        "--add-host",
        "engine.test:127.0.0.9",
        "--entrypoint",
        "/cube",
        &image,
    ];
    let inner = ["--host", "tcp://engine.test:9", "ps"];
    // The name is resolved, but nothing listens at its address.
    bed.cube(outer.iter().chain(&inner)).exits(1).stderr_has("refused").output();
}
