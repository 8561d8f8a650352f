//! The labels by which cube knows its own tasks.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::docker::owner::Owner;

/// The label with the task's UUID: every container that cube makes carries it.
pub(crate) const TASK_ID: &str = "cube.task.id";
/// The label with the process that the task belongs to.
pub(crate) const OWNER: &str = "cube.task.owner";
/// The label with the time to live after the creation, in whole seconds.
pub(crate) const TTL: &str = "cube.task.ttl";

/// The label by which Swarm marks the containers of a service.
pub(crate) const SERVICE: &str = "com.docker.swarm.service.id";

/// What cube's labels say of a task.
pub(crate) struct Labels {
    pub(crate) task_id: Uuid,
    pub(crate) owner: Option<Owner>,
    ttl: Option<Duration>,
}

impl Labels {
    /// `None` for what is not cube's.
    pub(crate) fn read(labels: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            task_id: labels.get(TASK_ID)?.parse().ok()?,
            owner: labels.get(OWNER).and_then(|owner| owner.parse().ok()),
            ttl: labels.get(TTL).and_then(|ttl| ttl.parse().ok()).map(Duration::from_secs),
        })
    }

    /// When the time to live ends of what was created then.
    pub(crate) fn expiry(&self, created: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        created?.checked_add_signed(TimeDelta::from_std(self.ttl?).ok()?)
    }
}
