//! The command `cube`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(&std::env::args_os().collect::<Vec<_>>())
}
