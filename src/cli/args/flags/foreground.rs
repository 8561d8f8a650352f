//! The flags that say whether cube stays with the task, and how its streams are connected.

use clap::Args;
use cube::{Config, Error, ErrorKind, RestartPolicy, StandardStream};

use crate::cli::args::{flags::attached::AttachedArgs, form::Form};

/// The flags for the foreground: Docker's and cube's own.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Foreground")]
pub struct StreamArgs {
    /// Run in the foreground: show the output, return the exit code, remove the task
    ///
    /// This is the default in Docker's own form. With stdin, stdout or stderr it is Docker's flag, which connects only
    /// the named streams.
    #[arg(short, long)]
    pub attach: bool,
    /// The streams named by `-a`.
    #[arg(long, hide = true, value_name = "STREAM")]
    pub attach_stream: Vec<String>,
    /// Run in the background: print the id and return once the task runs
    #[arg(short, long)]
    pub detach: bool,
    /// Pass standard input on; implies the foreground unless -d is given
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the task a terminal; implies the foreground unless -d is given
    #[arg(short, long)]
    pub tty: bool,
    /// With -d: remove the container at its end
    ///
    /// The engine removes it. Without -d cube removes it, unless --keep is given.
    #[arg(long)]
    pub rm: bool,
    #[command(flatten)]
    pub attached: AttachedArgs,
}

impl StreamArgs {
    /// Whether cube runs the task in the foreground.
    pub fn is_foreground(&self, form: Form) -> bool {
        let asked = self.attach || self.interactive || self.tty || !self.attach_stream.is_empty();
        !self.detach && (asked || form == Form::Docker)
    }

    /// Refuses flags that contradict each other. `keep` and `limited` say whether --keep and --timeout were given.
    pub fn check(&self, form: Form, keep: bool, limited: bool) -> Result<(), Error> {
        let foreground = self.is_foreground(form);
        let refused =
            |message: &str, hint: &str| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
        match () {
            () if self.detach && (self.attach || !self.attach_stream.is_empty()) => refused(
                "--detach and --attach contradict each other",
                "leave one out: -d returns once the task runs, -a stays with it",
            ),
            () if self.rm && keep => refused(
                "--rm and --keep contradict each other",
                "leave --rm out to keep the container, --keep to remove it",
            ),
            () if keep && self.detach => refused(
                "--keep is for the foreground: with --detach the container stays until it is removed",
                "leave --keep out; `cube stop` removes the task",
            ),
            () if limited && self.detach => refused(
                "--timeout is for the foreground: with --detach nobody watches the task",
                "leave --detach out, or give the task an age with --ttl",
            ),
            () if keep && !foreground => refused("--keep is for the foreground", "add --attach"),
            () if limited && !foreground => {
                refused("--timeout is for the foreground", "add --attach, or give the task an age with --ttl")
            }
            () => Ok(()),
        }
    }

    /// Refuses the flag that `with` cannot follow.
    pub fn check_with(&self) -> Result<(), Error> {
        if !self.detach {
            return Ok(());
        }
        let message = "with `cube with` the task ends with the command: --detach contradicts that";
        Err(Error::new(ErrorKind::InvalidInput, message)
            .with_hint("leave --detach out; `cube run --detach` starts a task that stays until `cube stop`"))
    }

    /// Sets the config's input, terminal, streams and automatic removal.
    pub fn apply(&self, config: &mut Config, foreground: bool) -> Result<(), Error> {
        let process = &mut config.process;
        if self.rm && process.restart != RestartPolicy::No {
            return Err(Error::new(ErrorKind::InvalidInput, "--rm and --restart contradict each other")
                .with_hint("leave --rm out: what is to be started again is not to be removed at its end"));
        }
        process.interactive |= self.interactive;
        process.tty |= self.tty;
        process.auto_remove |= self.rm && !foreground;
        if foreground {
            let named: Vec<StandardStream> =
                self.attach_stream.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
            process.connect(&named);
        }
        Ok(())
    }
}
