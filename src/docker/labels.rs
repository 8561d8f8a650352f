//! The labels by which cube knows its own tasks. A container inherits those of its image, so an image's are not
//! taken for a task's, and cube writes all of its own: an empty one where there is nothing to say.

pub mod owner;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::docker::labels::owner::Owner;

/// The label with the task's UUID: every container that cube makes carries it.
pub(crate) const TASK_ID: &str = "cube.task.id";
/// The label with the process that the task belongs to; empty if there is none.
pub(crate) const OWNER: &str = "cube.task.owner";
/// The label with the time to live after the creation, in whole seconds; empty if there is none.
pub(crate) const TTL: &str = "cube.task.ttl";

/// The label with the ids of the networks that cube made and the task is on, spaces between; empty if there is none.
pub(crate) const NETWORKS: &str = "cube.task.network";
/// The label of a network that cube made, with the UUID of the task that it was made for.
pub(crate) const NETWORK: &str = "cube.network";

/// The label by which Swarm marks the containers of a service.
pub(crate) const SERVICE: &str = "com.docker.swarm.service.id";

/// The labels of a container or an image, as the engine gives them.
pub(crate) type LabelMap = HashMap<String, String>;

/// What cube's labels say of a task.
pub(crate) struct Labels {
    pub(crate) task_id: Uuid,
    pub(crate) owner: Option<Owner>,
    ttl: Option<Duration>,
}

impl Labels {
    /// `None` for what is not cube's. Whether the image says the same is another question: [`is_inherited`].
    pub(crate) fn read(labels: &LabelMap) -> Option<Self> {
        Some(Self {
            task_id: labels.get(TASK_ID)?.parse().ok()?,
            owner: labels.get(OWNER).and_then(|owner| owner.parse().ok()),
            ttl: labels.get(TTL).and_then(|ttl| ttl.parse().ok()).map(Duration::from_secs),
        })
    }

    /// What cube writes, whole.
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

    /// When the time to live ends of what was created then.
    pub(crate) fn expiry(&self, created: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        created?.checked_add_signed(TimeDelta::from_std(self.ttl?).ok()?)
    }
}

/// Whether a container has this label from its image, or may have it from there.
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
    fn what_is_written_is_read_again_and_hides_what_an_image_says() {
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
