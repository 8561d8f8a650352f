//! The programs that are measured: copies, as an installation makes them. What the linker wrote lies in memory in small
//! pieces, which costs a start a quarter more CPU time.

use std::{env, fs, path::Path, sync::OnceLock};

/// cube as it is now: the program that is named, or else the one that was built with the benchmark and has what the
/// tests need of the dependencies (a clock of tokio that can be stopped).
pub fn cube() -> &'static str {
    static COPY: OnceLock<String> = OnceLock::new();
    COPY.get_or_init(|| {
        copied(&named("CUBE_BENCH_CUBE").unwrap_or(env!("CARGO_BIN_EXE_cube").to_owned()), "cube")
    })
}

/// An older binary of cube that is measured too, if one is named.
pub fn before() -> Option<&'static str> {
    static COPY: OnceLock<Option<String>> = OnceLock::new();
    COPY.get_or_init(|| named("CUBE_BENCH_BEFORE").map(|path| copied(&path, "cube-before"))).as_deref()
}

fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|path| !path.is_empty())
}

fn copied(program: &str, name: &str) -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A copy over an old one would keep the places of its pages.
    let _ = fs::remove_file(&place);
    fs::copy(program, &place).unwrap_or_else(|error| panic!("cannot copy {program}: {error}"));
    place.to_string_lossy().into_owned()
}
