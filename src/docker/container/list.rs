//! Lists cube's own tasks on the engine, found by their label.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};
use hyper::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    config::value::port::Port,
    docker::{
        Docker,
        container::{
            filter::{self, ListFilter},
            inspect::{bound, ipv4_first},
            networks::joined::TaskNetworks,
            own::ImageLabels,
        },
        details::state_of,
        http::query::{filters, query},
        id::{EngineId, is_id},
        labels::{
            LabelMap, Labels, SERVICE, TASK_ID,
            owner::{Lifetime, Owner},
        },
    },
    error::Error,
    printable::printable,
    result::Ports,
    state::State,
};

/// A task in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    /// Its id; [`Docker::handle`] makes a handle from it.
    #[serde(rename = "container_id")]
    pub id: EngineId,
    /// The UUID of the task.
    pub task_id: Uuid,
    /// The container's name.
    pub name: String,
    /// The image, as the task names it.
    pub image: String,
    /// The task's state.
    pub state: State,
    /// The engine's description of the state: `Up 5 minutes (healthy)`.
    pub status: String,
    /// The published ports, with the engine's own host addresses.
    pub ports: Ports,
    /// When the container was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When its time to live ends, if it has one.
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub(crate) owner: Option<Owner>,
    #[serde(skip)]
    pub(crate) labels: LabelMap,
    #[serde(skip)]
    pub(crate) networks: TaskNetworks,
    /// The time of the listing, by the engine's clock.
    #[serde(skip)]
    pub listed_at: Option<DateTime<Utc>>,
}

impl Listed {
    /// Whether the task is over: it ended and no process of cube still needs it, or the process of cube that it
    /// belonged to is gone.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        (self.state.is_final() && !self.is_in_use()) || self.is_orphaned()
    }

    /// Whether it has a label with this name, and with this value if one is given.
    #[must_use]
    pub fn has_label(&self, name: &str, value: Option<&str>) -> bool {
        filter::has_label(&self.labels, name, value)
    }

    /// Whether its time to live was over when it was listed, by the engine's clock. False if the engine does not report
    /// its time.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.listed_at.is_some_and(|now| self.expires_at.is_some_and(|end| end <= now))
    }

    fn is_in_use(&self) -> bool {
        let owner = self.owner.as_ref();
        owner.is_some_and(|owner| owner.lifetime() == Lifetime::ForLife && owner.is_alive())
    }

    fn is_orphaned(&self) -> bool {
        match &self.owner {
            Some(owner) if owner.lifetime() == Lifetime::ForLife || self.state == State::Scheduled => {
                owner.is_gone()
            }
            Some(_) | None => false,
        }
    }
}

impl Docker {
    /// cube's own tasks, newest first: running ones, or `all`.
    ///
    /// # Errors
    /// The engine's.
    pub async fn list(&self, all: bool) -> Result<Vec<Listed>, Error> {
        self.list_labelled(TASK_ID, all, |_| true).await
    }

    /// cube's own tasks that match the filters, newest first: running ones, or `all`. A filter on the state searches
    /// all.
    ///
    /// # Errors
    /// The engine's.
    pub async fn list_filtered(&self, all: bool, filters: &[ListFilter]) -> Result<Vec<Listed>, Error> {
        self.list_by(&filter::in_engines_words(filters), all, |_| true).await
    }

    /// The container of one task, if there is one.
    pub(crate) async fn list_by_task(&self, task_id: Uuid) -> Result<Vec<Listed>, Error> {
        self.list_labelled(&format!("{TASK_ID}={task_id}"), true, |_| true).await
    }

    /// cube's own tasks with the label `label` (`NAME` or `NAME=value`) that are `wanted`. Only for these cube checks
    /// whether they are its own.
    pub(crate) async fn list_labelled(
        &self,
        label: &str,
        all: bool,
        wanted: impl Fn(&Listed) -> bool,
    ) -> Result<Vec<Listed>, Error> {
        self.list_by(&filters([("label", label)]), all, wanted).await
    }

    /// Whether any container, cube's or not, uses the network with this id.
    pub(crate) async fn is_network_used(&self, id: &str) -> Result<bool, Error> {
        let path = query("/containers/json", &[("all", "true"), ("filters", &filters([("network", id)]))]);
        let answer: Vec<ListAnswer> = self.transport.json(Method::GET, &path).await?;
        Ok(!answer.is_empty())
    }

    async fn list_by(
        &self,
        filters: &str,
        all: bool,
        wanted: impl Fn(&Listed) -> bool,
    ) -> Result<Vec<Listed>, Error> {
        let path = query("/containers/json", &[("all", &all.to_string()), ("filters", filters)]);
        let answer: Vec<ListAnswer> = self.transport.json(Method::GET, &path).await?;
        let now = self.transport.engine_time();
        let (mut images, mut own) = (ImageLabels::default(), Vec::new());
        for container in answer {
            let Some(listed) = container.listed(now).filter(&wanted) else { continue };
            if self.made(&container, &mut images).await? {
                own.push(listed);
            }
        }
        newest_first(&mut own);
        Ok(own)
    }

    /// Whether cube made the container as a task. A service's container does not count: the service is the task.
    async fn made(&self, container: &ListAnswer, images: &mut ImageLabels) -> Result<bool, Error> {
        let ListAnswer { labels, image_id, .. } = container;
        Ok(images.leave_own(self, TASK_ID, labels, image_id).await?
            && !images.leave_own(self, SERVICE, labels, image_id).await?)
    }
}

/// Sorts as Docker does (podman lists the oldest first). The engine's order is kept for equal times.
pub(crate) fn newest_first(tasks: &mut [Listed]) {
    tasks.sort_by_key(|task| Reverse(task.created_at));
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListAnswer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    image: String,
    #[serde(rename = "ImageID", default)]
    image_id: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    labels: LabelMap,
    #[serde(default)]
    ports: Vec<ListedPort>,
    #[serde(default)]
    network_settings: ListedSettings,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ListedSettings {
    networks: BTreeMap<String, ListedEndpoint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedEndpoint {
    #[serde(rename = "NetworkID")]
    id: String,
}

#[derive(Deserialize)]
struct ListedPort {
    #[serde(rename = "IP", default)]
    ip: String,
    #[serde(rename = "PrivatePort")]
    private: u16,
    #[serde(rename = "PublicPort")]
    public: Option<u16>,
    #[serde(rename = "Type", default)]
    protocol: String,
}

impl ListAnswer {
    /// `None` for a container whose label is not a UUID, which is not cube's, or whose id is malformed.
    pub(crate) fn listed(&self, now: Option<DateTime<Utc>>) -> Option<Listed> {
        if !is_id(&self.id) {
            return None;
        }
        let labels = Labels::read(&self.labels)?;
        let created_at = DateTime::from_timestamp(self.created, 0);
        let joined = self.network_settings.networks.iter().map(|(name, end)| (name, Some(end.id.as_str())));
        Some(Listed {
            task_id: labels.task_id,
            name: self.names.first().map(|n| printable(n.trim_start_matches('/'))).unwrap_or_default(),
            // The list has the exit code only as part of a text: `Exited (3) 5 minutes ago`.
            state: state_of(&self.state, self.status.starts_with("Exited (0)")),
            ports: ports(&self.ports),
            listed_at: now,
            created_at,
            expires_at: labels.expiry(created_at),
            owner: labels.owner,
            networks: TaskNetworks::read(&self.labels, joined),
            labels: self.labels.clone(),
            id: EngineId::Container(self.id.clone()),
            image: printable(&self.image),
            status: printable(&self.status),
        })
    }
}

fn ports(answers: &[ListedPort]) -> Ports {
    let mut ports = Ports::new();
    for answer in answers {
        let Ok(port) = format!("{}/{}", answer.private, answer.protocol).parse::<Port>() else { continue };
        let bindings = ports.entry(port).or_default();
        if let Some(public) = answer.public {
            bindings.extend(bound(&answer.ip, public));
        }
    }
    for bindings in ports.values_mut() {
        *bindings = ipv4_first(std::mem::take(bindings));
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::http::json;

    fn listed(json: &str) -> Option<Listed> {
        listed_at(json, 2_000)
    }

    fn listed_at(json: &str, now: i64) -> Option<Listed> {
        json::read::<ListAnswer>(json.as_bytes()).unwrap().listed(DateTime::from_timestamp(now, 0))
    }

    #[test]
    fn a_container_without_a_task_id_that_is_a_uuid_is_not_cubes() {
        assert!(listed(r#"{"Id":"a","Labels":{"cube.task.id":"mine"}}"#).is_none());
        assert!(listed(r#"{"Id":"a","Labels":null}"#).is_none());
    }

    #[test]
    fn the_time_to_live_counts_from_the_creation() {
        let task = |now| {
            let json = r#"{"Id":"a","Names":["/n"],"State":"running","Created":1000,
                "Labels":{"cube.task.id":"6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11","cube.task.ttl":"60"}}"#;
            listed_at(json, now).unwrap()
        };
        assert!(!task(1_059).is_expired() && task(1_060).is_expired() && !task(1_060).is_finished());
        assert!(!Listed { listed_at: None, ..task(1_060) }.is_expired());
    }

    #[test]
    fn the_newest_comes_first_and_equal_times_keep_their_order() {
        let task = |(id, created)| {
            listed(&format!(
                r#"{{"Id":"{id}","Created":{created},"Labels":{{"cube.task.id":"6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11"}}}}"#
            ))
            .unwrap()
        };
        let mut tasks = [("a", 5), ("b", 7), ("c", 7), ("d", 6)].map(task);
        newest_first(&mut tasks);
        assert_eq!(tasks.map(|task| task.id.to_string()), ["b", "c", "d", "a"]);
    }

    #[test]
    fn an_absurd_time_to_live_is_ignored() {
        let task = listed(
            r#"{"Id":"a","Labels":{"cube.task.id":"6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11",
                "cube.task.ttl":"18446744073709551615"}}"#,
        );
        assert_eq!(task.unwrap().expires_at, None);
    }
}
