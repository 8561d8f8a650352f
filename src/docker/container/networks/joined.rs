//! The networks of a task that may be cube's own.

use crate::docker::{
    id::is_id,
    labels::{LabelMap, NETWORKS},
};

/// A network that a task joins: found, or made for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinedNetwork {
    /// Its name in the task's config.
    pub(crate) name: String,
    pub(crate) id: String,
    /// Whether cube made the container or service.
    pub(crate) is_own: bool,
}

/// The networks of a container that may be cube's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskNetworks {
    /// The ids of cube's own networks, from the task's label.
    pub(crate) needed: Vec<String>,
    /// The names and ids of all user-defined networks that it joined.
    pub(crate) joined: Vec<String>,
}

impl TaskNetworks {
    /// Reads a container's labels, and the name and id of each network that it joined.
    pub(crate) fn read<'a>(
        labels: &LabelMap,
        joined: impl Iterator<Item = (&'a String, Option<&'a str>)>,
    ) -> Self {
        let own = labels.get(NETWORKS).map(String::as_str).unwrap_or_default();
        let needed = own.split(' ').filter(|id| is_id(id)).map(str::to_owned).collect();
        let is_made = |name: &str| !matches!(name, "bridge" | "default" | "host" | "none" | "podman");
        let joined = joined.filter(|(name, _)| is_made(name)).flat_map(|(name, id)| {
            [Some(name.as_str()), id].into_iter().flatten().filter(|word| !word.is_empty()).map(str::to_owned)
        });
        Self { needed, joined: joined.collect() }
    }

    /// Whether the network of this id and name is among them.
    pub(crate) fn contain(&self, id: &str, name: &str) -> bool {
        self.needed.iter().any(|needed| needed == id)
            || self.joined.iter().any(|word| word == id || word == name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.needed.is_empty() && self.joined.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_names_the_networks_that_it_needs_and_what_it_joined_counts_too() {
        let id = "ab".repeat(32);
        let labels: LabelMap = [(NETWORKS.to_owned(), format!("{id} ../x"))].into();
        let (web, bridge) = ("web".to_owned(), "bridge".to_owned());
        let joined = [(&web, Some("cd")), (&bridge, Some("ef")), (&web, None)];
        let read = TaskNetworks::read(&labels, joined.into_iter());
        assert_eq!((read.needed.as_slice(), read.joined.len()), ([id.clone()].as_slice(), 3));
        assert!(read.contain(&id, "x") && read.contain("cd", "x") && read.contain("y", "web"));
        assert!(!read.contain("ef", "bridge"));
        assert!(TaskNetworks::read(&LabelMap::new(), std::iter::empty()).is_empty());
    }
}
