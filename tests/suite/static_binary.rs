//! The binary: it is static, so that it runs in an image with nothing else in it; and how the release is linked.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::testbed::{Bed, cube::binary, probe};

/// The program header of an interpreter, which only a dynamic program has.
const PT_INTERP: u32 = 3;

/// A number of an ELF file.
fn number(elf: &[u8], at: usize, length: usize) -> usize {
    assert_eq!(&elf[..5], b"\x7fELF\x02", "no ELF file of 64 bits");
    elf[at..at + length].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
}

/// The types of an ELF file's program headers.
fn headers(elf: &[u8]) -> Vec<u32> {
    let (start, size, count) = (number(elf, 32, 8), number(elf, 54, 2), number(elf, 56, 2));
    (0..count).map(|index| u32::try_from(number(elf, start + index * size, 4)).unwrap()).collect()
}

/// The names of an ELF file's sections.
fn sections(elf: &[u8]) -> Vec<String> {
    let (start, size, count) = (number(elf, 40, 8), number(elf, 58, 2), number(elf, 60, 2));
    let header = |index: usize| start + index * size;
    let names = number(elf, header(number(elf, 62, 2)) + 24, 8);
    let name = |index: usize| {
        let name = elf[names + number(elf, header(index), 4)..].split(|byte| *byte == 0).next().unwrap();
        String::from_utf8(name.to_vec()).unwrap()
    };
    (0..count).map(name).collect()
}

/// The tables by which a panic would unwind.
fn unwinding(file: &Path) -> Vec<String> {
    let tables = [".eh_frame", ".eh_frame_hdr", ".gcc_except_table"];
    let sections = sections(&fs::read(file).unwrap());
    sections.into_iter().filter(|name| tables.contains(&name.as_str())).collect()
}

#[test]
fn asks_for_no_interpreter() {
    let headers = headers(&fs::read(binary()).unwrap());
    assert!(
        !headers.is_empty() && !headers.contains(&PT_INTERP),
        "RUSTFLAGS takes the place of .cargo/config.toml's"
    );
}

/// Where cube looks for the engine's socket.
const SOCKET: &str = "/var/run/docker.sock";

#[test]
fn runs_a_task_from_an_image_with_nothing_else_in_it() {
    let bed = Bed::new();
    let host = bed.engine().host();
    let (program, socket) =
        (format!("{}:/cube", binary().display()), format!("{}:{SOCKET}", host.trim_start_matches("unix://")));
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

/// The flags that the build script of cube adds to the linker's line in a build of this profile, with this linker.
fn added(bed: &Bed, script: &Path, profile: &str, linker: &Path) -> Vec<String> {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut build = Command::new(script);
    build.env("PROFILE", profile).env("CARGO_CFG_TARGET_OS", "linux").env("HOST", host).env("TARGET", host);
    build.env("OUT_DIR", bed.path("")).env("RUSTC", "rustc").env("RUSTC_LINKER", linker);
    let output = build.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::rustc-link-arg-bins=").map(str::to_owned))
        .collect()
}

/// Whether one of the flags contains these words.
fn has(flags: &[String], words: &str) -> bool {
    flags.iter().any(|flag| flag.contains(words))
}

#[test]
fn the_release_is_linked_as_its_build_script_says_where_the_linker_can() {
    let bed = Bed::new();
    let (script, source) = (bed.path("link"), concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/link.rs"));
    let compile = || Command::new("rustc");
    assert!(compile().args(["--edition", "2024", source, "-o"]).arg(&script).status().unwrap().success());
    let flags = added(&bed, &script, "release", Path::new("cc"));
    for words in ["no-unwinding.ld", "--no-eh-frame-hdr"] {
        assert!(has(&flags, words), "{words}: {flags:?}");
    }
    // A program of the standard library, which has tables for unwinding otherwise.
    let (text, program) = (bed.path("none.rs"), bed.path("none"));
    fs::write(&text, "fn main() {}").unwrap();
    let mut linked = compile();
    linked.arg(&text).args(["-Cpanic=abort", "-Ctarget-feature=+crt-static", "-o"]).arg(&program);
    assert!(linked.args(flags.iter().map(|flag| format!("-Clink-arg={flag}"))).status().unwrap().success());
    assert_eq!(unwinding(&program), [""; 0]);
    assert!(Command::new(&program).status().unwrap().success());
    assert_ne!(unwinding(&script), [""; 0]);

    assert_eq!(added(&bed, &script, "debug", Path::new("cc")), [""; 0]);
    let refuses = "#!/bin/sh\ncase \"$*\" in *-Wl,-T,*) exit 1;; esac\nexec cc \"$@\"\n";
    let flags = added(&bed, &script, "release", &bed.program("refuses", refuses));
    assert!(!has(&flags, ".ld") && !has(&flags, "eh-frame"), "this linker does not take them: {flags:?}");
    // As with a C library that does not read short relocations.
    let breaks = "#!/bin/sh\ncc \"$@\" || exit\ncase \"$*\" in *pack-relative-relocs*) \
                  while [ \"$1\" != -o ]; do shift; done; cp /bin/false \"$2\";; esac\n";
    let flags = added(&bed, &script, "release", &bed.program("breaks", breaks));
    assert!(has(&flags, "no-unwinding.ld") && !has(&flags, "relocs"), "no program would start: {flags:?}");
}
