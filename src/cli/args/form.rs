//! The two forms of `run` and `with`: Docker's own, with IMAGE in place, and the scripting form with --image.

/// How `run` or `with` was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `--image IMAGE`, or a task file that names one: the first word that is not a flag begins the command.
    #[default]
    Scripting,
    /// The first word that is not a flag is the image.
    Docker,
}
