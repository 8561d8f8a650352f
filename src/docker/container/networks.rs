//! Networks that cube makes for its tasks, and removes with the last task. A network of cube's has a label, which
//! nothing can inherit; a label of the task holds the ids of the networks that it needs.

pub(crate) mod joined;

use std::time::Duration;

use bollard::{
    models::{Network as NetworkModel, NetworkCreateRequest},
    query_parameters::ListNetworksOptionsBuilder,
};
use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    docker::{
        Docker,
        container::{
            filter,
            list::Listed,
            networks::joined::{JoinedNetwork, TaskNetworks},
        },
        id::is_id,
        labels::{LabelMap, NETWORK, TASK_ID},
    },
    error::{Error, ErrorKind},
    task::Task,
};

/// How long to wait for a network that another process is creating or removing, and the pause between two looks: there
/// is no event.
const SETTLING: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long the engine may take to release a network that no container uses any more.
const RELEASE: Duration = Duration::from_secs(5);
/// How long a create request whose answer was lost may still make a network.
const LOOKOUT: Duration = Duration::from_secs(3);

/// A network that cube made.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnNetwork {
    /// Its id, 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, by the engine's clock.
    pub created_at: Option<DateTime<Utc>>,
    /// The time of the listing, by the engine's clock.
    pub listed_at: Option<DateTime<Utc>>,
    /// The UUID of the task that it was made for.
    pub(crate) made_for: Uuid,
    labels: LabelMap,
}

impl OwnNetwork {
    /// Whether it has a label with this name, and with this value if one is given.
    #[must_use]
    pub fn has_label(&self, name: &str, value: Option<&str>) -> bool {
        filter::has_label(&self.labels, name, value)
    }

    fn read(network: NetworkModel) -> Option<Self> {
        let labels = network.labels.unwrap_or_default();
        Some(Self {
            made_for: labels.get(NETWORK)?.parse().ok()?,
            created_at: moment(network.created.as_deref()),
            listed_at: None,
            id: network.id.filter(|id| is_id(id))?,
            name: network.name?,
            labels,
        })
    }
}

impl Docker {
    /// Finds the networks that the task joins, and makes the missing ones.
    pub(crate) async fn make_networks(&self, task: &mut Task) -> Result<(), Error> {
        if !task.config.network.create_network {
            return Ok(());
        }
        task.networks.clear();
        for network in task.config.network.networks.clone() {
            let found = self.network_for(&network.name, task).await;
            found.map_err(|error| error.during(format!("cannot make the network {}", network.name)))?;
        }
        Ok(())
    }

    async fn network_for(&self, name: &str, task: &mut Task) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.oldest_network(name).await? {
                task.networks.push(found);
                return Ok(());
            }
            task.makes_network = true;
            let made = self.make_network(name, task.id).await;
            task.makes_network = made.as_ref().is_err_and(Error::leaves_doubt);
            match made {
                Ok(id) => return self.join_oldest(name, id, task).await,
                // Another process is creating or removing the network.
                Err(error) if error.kind() == ErrorKind::NameTaken && begun.elapsed() < SETTLING => {
                    sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Chooses the network to join after one was made. If another process made an older one of the same name meanwhile,
    /// that is used and the new one removed.
    async fn join_oldest(&self, name: &str, made: String, task: &mut Task) -> Result<(), Error> {
        // From now on the task removes it, whatever fails.
        task.networks.push(JoinedNetwork { name: name.to_owned(), id: made.clone(), is_own: true });
        match self.oldest_network(name).await? {
            Some(oldest) if oldest.id != made => {
                self.remove_network(&made).await?;
                task.networks.pop();
                task.networks.push(oldest);
            }
            _ => {}
        }
        Ok(())
    }

    async fn oldest_network(&self, name: &str) -> Result<Option<JoinedNetwork>, Error> {
        let mut found = self.networks("name", name).await?;
        // The engine's filter also matches parts of names.
        found.retain(|network| network.name.as_deref() == Some(name));
        found.retain(|network| network.id.as_deref().is_some_and(is_id));
        let oldest =
            found.into_iter().min_by_key(|network| (moment(network.created.as_deref()), network.id.clone()));
        Ok(oldest.and_then(|network| {
            let id = network.id.clone()?;
            let is_own = OwnNetwork::read(network).is_some();
            Some(JoinedNetwork { name: name.to_owned(), id, is_own })
        }))
    }

    async fn make_network(&self, name: &str, task_id: Uuid) -> Result<String, Error> {
        let labels = [(NETWORK.to_owned(), task_id.to_string())].into();
        // A Docker engine makes one network for each bridge name, however many requests come at once; before API 1.44
        // it makes several networks of one name. podman's names are unique.
        let bridge = self
            .transport
            .engine()
            .is_docker()
            .then(|| [("com.docker.network.bridge.name".to_owned(), bridge_name(name))].into());
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            options: bridge,
            labels: Some(labels),
            ..NetworkCreateRequest::default()
        };
        let made = self.within(self.api.create_network(request)).await?;
        if is_id(&made.id) {
            Ok(made.id)
        } else {
            Err(Error::new(ErrorKind::BadAnswer, "the engine gave the network an id that is no id"))
        }
    }

    /// The networks that match one of the engine's filters.
    async fn networks(&self, filter: &str, value: &str) -> Result<Vec<NetworkModel>, Error> {
        let filters = [(filter.to_owned(), vec![value.to_owned()])].into();
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        self.within(self.api.list_networks(Some(options))).await
    }

    async fn own_networks(&self) -> Result<Vec<OwnNetwork>, Error> {
        let labelled = self.networks("label", NETWORK).await?;
        let listed_at = self.transport.engine_time();
        let own = labelled.into_iter().filter_map(OwnNetwork::read);
        Ok(own.map(|network| OwnNetwork { listed_at, ..network }).collect())
    }

    /// Removes the networks of a removed task that cube made and that no other task of cube's uses.
    ///
    /// # Errors
    /// The engine's, if the task used such a network.
    pub(crate) async fn leave_networks(&self, left: &TaskNetworks) -> Result<(), Error> {
        if left.is_empty() {
            return Ok(());
        }
        let own = match self.own_networks().await {
            Err(_) if left.needed.is_empty() => return Ok(()),
            own => own?,
        };
        self.remove_unused(own.iter().filter(|network| left.contain(&network.id, &network.name))).await
    }

    /// The same for a task whose start failed or was interrupted at any step.
    pub(crate) async fn leave_networks_of(&self, task: &Task) -> Result<(), Error> {
        if task.config.swarm || !task.may_exist() {
            return Ok(());
        }
        if task.makes_network {
            self.remove_made_for(task.id, LOOKOUT).await?;
        }
        let made = task.config.network.networks.iter().filter(|network| network.is_user_defined());
        let left = TaskNetworks {
            needed: task.own_networks().into_iter().map(str::to_owned).collect(),
            joined: made.map(|network| network.name.clone()).collect(),
        };
        self.leave_networks(&left).await
    }

    /// Removes cube's networks with these names that no task of cube's uses.
    ///
    /// # Errors
    /// The engine's.
    pub async fn remove_unused_networks(&self, names: &[String]) -> Result<(), Error> {
        let own = self.own_networks().await?;
        self.remove_unused(own.iter().filter(|network| names.contains(&network.name))).await
    }

    /// Removes the networks that were made for the task, unless another task uses them. Looks for them as long as
    /// `lookout`.
    async fn remove_made_for(&self, task_id: Uuid, lookout: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let own = self.own_networks().await?;
            let made: Vec<&OwnNetwork> = own.iter().filter(|network| network.made_for == task_id).collect();
            if !made.is_empty() || begun.elapsed() >= lookout {
                return self.remove_unused(made.into_iter()).await;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn remove_unused<'a>(&self, networks: impl Iterator<Item = &'a OwnNetwork>) -> Result<(), Error> {
        for network in networks {
            // The task is gone all the same. `prune` tries this network again, and reports it.
            if self.try_removal(network).await? == NetworkRemoval::Counted {
                tracing::warn!("{}", still_counted(network));
            }
        }
        Ok(())
    }

    /// cube's networks that no task of cube's uses, not counting the tasks in `over`.
    ///
    /// # Errors
    /// The engine's.
    pub async fn prunable_networks(&self, over: &[Listed]) -> Result<Vec<OwnNetwork>, Error> {
        let mut own = match self.own_networks().await {
            // An engine, or a proxy in front of it, that refuses to list networks cannot have made one for cube.
            Err(error) if !error.is_passing() => Vec::new(),
            own => own?,
        };
        if own.is_empty() {
            return Ok(own);
        }
        let is_over = |task: &Listed| over.iter().any(|other| other.id == task.id);
        let used = self.list_labelled(TASK_ID, true, |task| !is_over(task)).await?;
        own.retain(|network| !used.iter().any(|task| task.networks.contain(&network.id, &network.name)));
        Ok(own)
    }

    /// Removes a network that cube made, unless a task of cube's or a running container uses it. Returns whether it is
    /// gone.
    ///
    /// # Errors
    /// The engine's; also if it counts the network as used though nothing is on it.
    pub async fn remove_network_of(&self, network: &OwnNetwork) -> Result<bool, Error> {
        match self.try_removal(network).await? {
            NetworkRemoval::Gone => Ok(true),
            NetworkRemoval::Used => Ok(false),
            NetworkRemoval::Counted => Err(still_counted(network)),
        }
    }

    async fn try_removal(&self, network: &OwnNetwork) -> Result<NetworkRemoval, Error> {
        let used = self
            .list_labelled(TASK_ID, true, |task| task.networks.contain(&network.id, &network.name))
            .await?;
        if !used.is_empty() {
            return Ok(NetworkRemoval::Used);
        }
        let begun = Instant::now();
        loop {
            if self.remove_network(&network.id).await? {
                return Ok(NetworkRemoval::Gone);
            }
            if self.is_network_used(&network.id).await? {
                return Ok(NetworkRemoval::Used);
            }
            // For a moment the engine counts the place of a container that is gone already; some never stop.
            if begun.elapsed() >= RELEASE {
                return Ok(NetworkRemoval::Counted);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Removes the network; returns whether it is gone. The engine keeps a network that is in use.
    async fn remove_network(&self, id: &str) -> Result<bool, Error> {
        match self.within(self.api.remove_network(id)).await {
            Err(error) if error.kind() == ErrorKind::NetworkNotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::WrongState => Ok(false),
            removed => removed.map(|()| true),
        }
    }
}

/// What came of the removal of a network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NetworkRemoval {
    Gone,
    /// A task or a container uses it.
    Used,
    /// The engine counts it as used, but has no container on it.
    Counted,
}

fn still_counted(network: &OwnNetwork) -> Error {
    let message =
        format!("the engine still counts the network {} as used, but lists no container on it", network.name);
    Error::new(ErrorKind::Engine, message).with_hint(format!(
        "try `docker network rm {}` later; an engine that never lets it go has to be restarted",
        network.id
    ))
}

/// When a network was created, by the engine's clock.
fn moment(text: Option<&str>) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text?).ok()?.to_utc())
}

/// The name of the bridge for a network: `br-` and 12 hex digits, as engines write it, because the kernel allows no
/// more. It is a hash of the network's name (FNV-1a), so every process of cube gets the same one.
fn bridge_name(network: &str) -> String {
    let hash = network.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("br-{:012x}", hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_name_is_unique_to_its_network_and_short_enough() {
        assert_eq!(bridge_name("web"), bridge_name("web"));
        assert_ne!(bridge_name("web"), bridge_name("wec"));
        assert!(["", "a", "ü", &"x".repeat(300)].iter().all(|name| bridge_name(name).len() == 15));
    }

    #[test]
    fn only_a_network_with_a_uuid_in_its_label_is_cubes() {
        let network = |label: &str| NetworkModel {
            id: Some("ab".to_owned()),
            name: Some("web".to_owned()),
            labels: Some([(NETWORK.to_owned(), label.to_owned())].into()),
            ..NetworkModel::default()
        };
        assert!(OwnNetwork::read(network("6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11")).is_some());
        assert!(OwnNetwork::read(network("true")).is_none());
        assert!(OwnNetwork::read(NetworkModel { labels: None, ..network("x") }).is_none());
    }
}
