//! The labels by which cube recognizes its own tasks. A container inherits its image's labels, so a label that the
//! image has too does not count. cube always writes all of its labels, empty ones where there is no value.

pub mod owner;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::docker::labels::owner::Owner;

/// The label with the task's UUID. Every container that cube makes has it.
pub(crate) const TASK_ID: &str = "cube.task.id";
/// The label with the process that the task belongs to; may be empty.
pub(crate) const OWNER: &str = "cube.task.owner";
/// The label with the time to live after the creation, in whole seconds; may be empty.
pub(crate) const TTL: &str = "cube.task.ttl";

/// The label with the ids of the task's networks that cube made, separated by spaces; may be empty.
pub(crate) const NETWORKS: &str = "cube.task.network";
/// The label of a network that cube made, with the UUID of the first task on it.
pub(crate) const NETWORK: &str = "cube.network";

/// The label by which Swarm marks the containers of a service.
pub(crate) const SERVICE: &str = "com.docker.swarm.service.id";

/// The labels of a container or an image.
pub(crate) type LabelMap = HashMap<String, String>;

/// The values of cube's labels on a task.
pub(crate) struct Labels {
    pub(crate) task_id: Uuid,
    pub(crate) owner: Option<Owner>,
    ttl: Option<Duration>,
}

impl Labels {
    /// `None` for a container without the label of a task. [`is_inherited`] checks whether the image has the label too.
    pub(crate) fn read(labels: &LabelMap) -> Option<Self> {
        Some(Self {
            task_id: labels.get(TASK_ID)?.parse().ok()?,
            owner: labels.get(OWNER).and_then(|owner| owner.parse().ok()),
            ttl: labels.get(TTL).and_then(|ttl| ttl.parse().ok()).map(Duration::from_secs),
        })
    }

    /// All labels that cube writes.
    pub(crate) fn written(
        task_id: Uuid,
        owner: Option<&Owner>,
        ttl: Option<Duration>,
        networks: &[&str],
    ) -> [(String, String); 4] {
        let owner = owner.map(ToString::to_string).unwrap_or_default();
        let ttl = ttl.map(|ttl| ttl.as_secs().to_string()).unwrap_or_default();
        [(TASK_ID, task_id.to_string()), (OWNER, owner), (TTL, ttl), (NETWORKS, networks.join(" "))]
            .map(|(name, value)| (name.to_owned(), value))
    }

    /// When the time to live ends, for a task created at `created`.
    pub(crate) fn expiry(&self, created: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        created?.checked_add_signed(TimeDelta::from_std(self.ttl?).ok()?)
    }
}

/// Whether a container has this label from its image, or may have.
pub(crate) fn is_inherited(name: &str, container: &LabelMap, image: &LabelMap) -> bool {
    container.get(name) == image.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(labels: &[(String, String)]) -> LabelMap {
        labels.iter().cloned().collect()
    }

    #[test]
    fn written_labels_are_read_again_and_hide_those_of_an_image() {
        let id = Uuid::new_v4();
        let written = Labels::written(id, None, None, &[]);
        let mut labels = map(&[(TTL.into(), "1".into()), (OWNER.into(), "a b 1 2 life".into())]);
        labels.extend(written);
        let read = Labels::read(&labels).unwrap();
        assert_eq!((read.task_id, read.owner, read.ttl), (id, None, None));
        let read = Labels::read(&map(&Labels::written(id, None, Some(Duration::from_mins(1)), &[]))).unwrap();
        assert_eq!(read.ttl, Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_label_is_inherited_if_the_image_says_the_same() {
        let of = |id: &str| map(&[(TASK_ID.into(), id.into())]);
        assert!(is_inherited(TASK_ID, &of("a"), &of("a")));
        assert!(!is_inherited(TASK_ID, &of("b"), &of("a")));
        assert!(!is_inherited(TASK_ID, &of("b"), &LabelMap::new()));
    }
}
