//! How the release's program is linked: without the tables by which a panic would unwind, and with short relocations.
//! The program aborts instead of unwinding, so the tables are a twelfth of the file that is never read; the standard
//! library is compiled with them whatever the flags say. Each relocation takes 24 bytes otherwise, and all are read at
//! each start.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const NO_UNWINDING: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n";
const SHORT_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=.cargo/link.rs");
    if variable("PROFILE") != "release" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return Ok(());
    }
    let folder = PathBuf::from(variable("OUT_DIR"));
    let script = folder.join("no-unwinding.ld");
    fs::write(&script, NO_UNWINDING)?;
    let no_unwinding = [format!("-Wl,-T,{}", script.display()), "-Wl,--no-eh-frame-hdr".to_owned()];
    // mold and others take no script.
    if linked(&no_unwinding, &folder)?.is_some() {
        use_for_program(&no_unwinding);
    }
    // A linker may not know them, and says so by a warning alone. A C library before glibc 2.36 does not read them, and
    // then no program would start: one is tried, where it can be.
    let short_relocations = [SHORT_RELOCATIONS.to_owned()];
    if variable("HOST") == variable("TARGET")
        && let Some(program) = linked(&short_relocations, &folder)?
        && fs::read(&program)?.windows(9).any(|bytes| bytes == b".relr.dyn")
        && Command::new(program).status().is_ok_and(|status| status.success())
    {
        use_for_program(&short_relocations);
    }
    Ok(())
}

fn use_for_program(flags: &[String]) {
    for flag in flags {
        println!("cargo::rustc-link-arg-bins={flag}");
    }
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
