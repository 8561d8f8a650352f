//! What must hold of each reader of bytes that others send or keep, whatever the bytes are. The targets of
//! `tests/fuzz` look for bytes that break it; the tests here try the bytes that the targets begin with, those that
//! broke something once, and changes of both. Part of these two builds only.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a check is to panic where what it expects does not hold"
)]

mod pieces;
mod scratch;
mod server;

/// Defines the targets: a module with `check` for each, in a folder by where the bytes come from.
macro_rules! targets {
    ($( $folder:ident { $( $(#[doc = $doc:literal])* $name:ident; )* } )*) => {
        $( mod $folder { $( pub(super) mod $name; )* } )*

        $( $(
            $(#[doc = $doc])*
            ///
            /// # Panics
            /// If that does not hold.
            pub fn $name(bytes: &[u8]) {
                $folder::$name::check(bytes);
            }
        )* )*

        #[cfg(test)]
        mod tests;

        /// All targets by name.
        #[cfg(test)]
        const TARGETS: &[(&str, fn(&[u8]))] = &[$( $( (stringify!($name), $name) ),* ),*];
    };
}

targets! {
    wire {
        /// Multiplexed output gives the frames that it holds, wherever it is cut, and keeps none of it in memory.
        frames;
        /// An answer of HTTP has the status and the body that hyper reads of it, wherever it is cut.
        http;
        /// A log that breaks off anywhere and goes on by its times is the log that never broke off.
        cursor;
        /// As many lines match as do when each is looked at alone, wherever the output is cut.
        lines;
        /// An engine's description of a task loses only its nulls, and holds nothing that rewrites a terminal.
        answers;
        /// The lines of a pull report the same, wherever they are cut.
        pull;
        /// The error for a refusal is short, fit to be shown, and does not depend on where the refusal is cut.
        refusals;
        /// A probe of a server's protocol ends, reads little, and does not depend on where the answer is cut.
        protocols;
        /// An archive has the entries that it is read with again, wherever it is cut.
        archive;
        /// An archive is unpacked below its folder and nowhere else; of one that fails no draft is left.
        unpack;
    }
    files {
        /// Credentials arrive in the header as Docker's configuration or a helper has them.
        credentials;
        /// An engine's address is read again as it is printed, and is never an option to a program.
        contexts;
        /// A task file is written as it is read.
        task_file;
        /// The lines of an env file or a label file are read again as they are written, and an error shows none.
        pairs;
        /// Each value of the command line is read again as it is printed, on the command line and in a task file.
        values;
        /// The kernel's files are read without panic, and listeners are those that the table holds.
        kernel;
    }
}
