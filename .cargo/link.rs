//! How the release's program is linked: without the tables by which a panic would unwind, with short relocations, and
//! with the code of a start side by side. The program aborts instead of unwinding, so the tables are a twelfth of the
//! file that is never read; the standard library is compiled with them whatever the flags say. Each relocation takes 24
//! bytes otherwise, and all are read at each start.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const NO_UNWINDING: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n";
/// The modules whose code a start needs, a line each.
const STARTUP: &str = ".cargo/startup.txt";
const SHORT_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=.cargo/link.rs");
    println!("cargo::rerun-if-changed={STARTUP}");
    if variable("PROFILE") != "release" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return Ok(());
    }
    let folder = PathBuf::from(variable("OUT_DIR"));
    // mold and others take no scripts.
    let no_unwinding = by_script(&folder.join("no-unwinding.ld"), NO_UNWINDING)?;
    use_if_linked([no_unwinding, "-Wl,--no-eh-frame-hdr".to_owned()].as_slice(), &folder)?;
    let startup = by_script(&folder.join("startup.ld"), &startup_first(&fs::read_to_string(STARTUP)?))?;
    use_if_linked(&[startup], &folder)?;
    // A linker may not know them, and says so by a warning alone. A C library before glibc 2.36 does not read them, and
    // then no program would start: one is tried, where it can be.
    let short_relocations = [SHORT_RELOCATIONS.to_owned()];
    if variable("HOST") == variable("TARGET")
        && let Some(program) = linked(&short_relocations, &folder)?
        && fs::read(&program)?.windows(9).any(|bytes| bytes == b".relr.dyn")
        && Command::new(program).status().is_ok_and(|status| status.success())
    {
        short_relocations.iter().for_each(use_for_program);
    }
    Ok(())
}

/// The linker's script that puts the code of these modules before all other code. The compiler gives each function a
/// section with its symbol's name, in which the length of each part stands before it; an implementation of a trait has
/// the type's path in words.
fn startup_first(modules: &str) -> String {
    let modules = modules.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sections: String = modules
        .map(|module| {
            let symbol: String = module.split("::").map(|part| format!("{}{part}", part.len())).collect();
            let words = module.replace("::", "..");
            format!("*(.text._ZN{symbol}*) *(.text._R*_{symbol}*) *(.text._ZN*_$LT${words}..*)\n")
        })
        .collect();
    format!("SECTIONS {{ .text.start : {{ {sections} }} }} INSERT BEFORE .text;\n")
}

/// Writes a linker's script and returns the flag for it.
fn by_script(file: &Path, script: &str) -> io::Result<String> {
    fs::write(file, script)?;
    Ok(format!("-Wl,-T,{}", file.display()))
}

/// Uses flags if the linker takes them.
fn use_if_linked(flags: &[String], folder: &Path) -> io::Result<()> {
    if linked(flags, folder)?.is_some() {
        flags.iter().for_each(use_for_program);
    }
    Ok(())
}

fn use_for_program(flag: &String) {
    println!("cargo::rustc-link-arg-bins={flag}");
}

/// An empty program, if the linker that is going to be used takes `flags`.
fn linked(flags: &[String], folder: &Path) -> io::Result<Option<PathBuf>> {
    let (source, program) = (folder.join("empty.rs"), folder.join("empty"));
    fs::write(&source, "fn main() {}\n")?;
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(source).arg("-o").arg(&program).args(["--target", &variable("TARGET"), "-Cpanic=abort"]);
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\x1f').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = std::ffi::OsString::from("-Clinker=");
        flag.push(linker);
        rustc.arg(flag);
    }
    rustc.args(flags.iter().map(|flag| format!("-Clink-arg={flag}")));
    let done = rustc.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
    Ok(done.then_some(program))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
