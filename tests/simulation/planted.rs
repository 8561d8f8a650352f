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
    /// A container whose start failed stays when another takes its place.
    ForgottenFirst,
    /// A start that the engine refused is taken for one that it did.
    StartBelieved,
    /// A task that its policy starts again is taken for one that has ended.
    FirstEnd,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ForgottenCreate,
        Self::TwoNetworks,
        Self::ForeignRemoval,
        Self::ForgottenFirst,
        Self::StartBelieved,
        Self::FirstEnd,
    ];
}
