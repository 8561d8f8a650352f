//! The programs that are measured: copies, as an installation makes them. What the linker wrote lies in memory in small
//! pieces, which costs a start a quarter more CPU time.

use std::{env, fs, path::Path, sync::OnceLock};

/// cube as it is now.
pub fn cube() -> &'static str {
    static COPY: OnceLock<String> = OnceLock::new();
    COPY.get_or_init(|| copied(env!("CARGO_BIN_EXE_cube"), "cube"))
}

/// An older binary of cube that is measured too, if one is named.
pub fn before() -> Option<&'static str> {
    static COPY: OnceLock<Option<String>> = OnceLock::new();
    let named = || env::var("CUBE_BENCH_BEFORE").ok().filter(|path| !path.is_empty());
    COPY.get_or_init(|| named().map(|path| copied(&path, "cube-before"))).as_deref()
}

fn copied(program: &str, name: &str) -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A copy over an old one would keep the places of its pages.
    let _ = fs::remove_file(&place);
    fs::copy(program, &place).unwrap_or_else(|error| panic!("cannot copy {program}: {error}"));
    place.to_string_lossy().into_owned()
}
