#![no_main]

/// Files of the command line, under the names that they have there.
#[allow(dead_code, reason = "the command line uses them")]
#[path = "."]
mod cli {
    #[path = "."]
    pub mod guard {
        #[path = "../../../src/cli/guard/host_command.rs"]
        pub mod host_command;
        #[path = "../../../src/cli/guard/host_process.rs"]
        pub mod host_process;
        #[path = "../../../src/cli/guard/words.rs"]
        pub mod words;
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cli::guard::words::check(bytes));
