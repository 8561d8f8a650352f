//! Bugs that cube does not have, put before it: the simulation is worth what it finds.

/// A bug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// None: cube as it is.
    #[default]
    Nothing,
    /// A create whose answer did not come is taken for one that made nothing.
    ForgottenCreate,
    /// Each task makes a network of its own, whether there is one of the name or not.
    TwoNetworks,
    /// What has the task's name is removed when the task fails, whoever made it.
    ForeignRemoval,
}
