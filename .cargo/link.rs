//! How the release's program is linked: without the tables by which a panic would unwind. It aborts instead, so they are
//! a twelfth of the file that is never read; the standard library is compiled with them whatever the flags say.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const SCRIPT: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=.cargo/link.rs");
    if variable("PROFILE") != "release" || variable("CARGO_CFG_TARGET_OS") != "linux" {
        return Ok(());
    }
    let folder = PathBuf::from(variable("OUT_DIR"));
    let script = folder.join("no-unwinding.ld");
    fs::write(&script, SCRIPT)?;
    let flags = [format!("-Wl,-T,{}", script.display()), "-Wl,--no-eh-frame-hdr".to_owned()];
    // mold and others take no script.
    if links_with(&flags, &folder)? {
        for flag in flags {
            println!("cargo::rustc-link-arg-bins={flag}");
        }
    }
    Ok(())
}

/// Whether the linker that is going to be used takes `flags`.
fn links_with(flags: &[String], folder: &Path) -> io::Result<bool> {
    let source = folder.join("empty.rs");
    fs::write(&source, "fn main() {}\n")?;
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(source).arg("-o").arg(folder.join("empty")).args([
        "--target",
        &variable("TARGET"),
        "-Cpanic=abort",
    ]);
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\x1f').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = std::ffi::OsString::from("-Clinker=");
        flag.push(linker);
        rustc.arg(flag);
    }
    rustc.args(flags.iter().map(|flag| format!("-Clink-arg={flag}")));
    Ok(rustc.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
