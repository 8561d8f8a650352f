//! Inspects containers and images: reads the parts of the engine's answer that cube needs. Unknown states and fields
//! are accepted, because engines differ.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use hyper::Method;
use serde::Deserialize;

use crate::{
    config::value::{
        image::ImageRef,
        port::{Binding, Port},
    },
    docker::{
        Docker,
        container::networks::joined::TaskNetworks,
        details::{Details, Health},
        handle::RunningTask,
        http::{json, patience::Patience, refusal, version::Product},
        id::{EngineId, is_id},
        labels::{LabelMap, SERVICE, TASK_ID},
        swarm::id::is_swarm_id,
    },
    error::Error,
    printable::printable,
    result::Ports,
};

/// The grace in seconds that podman states for a container for which nobody set one, as cube does for podman 4.
pub(crate) const PODMAN_GRACE: i64 = 10;
/// How long an engine may take after a process's end to decide on a restart, and how often it is asked: there is no
/// event.
const DECISION: Patience = Patience { limit: Duration::from_secs(5), pause: Duration::from_millis(50) };
/// The same for the published ports of a task that has just started.
const TELLING: Patience = Patience { limit: Duration::from_millis(500), pause: Duration::from_millis(50) };

impl Docker {
    pub(crate) async fn inspect_container(&self, id: &str) -> Result<Details, Error> {
        let answer: InspectAnswer =
            self.transport.json(Method::GET, &format!("/containers/{id}/json")).await?;
        checked_id(answer.id.clone())?;
        let mut details = Details::from(answer);
        if self.transport.engine().product() == Product::Podman {
            details.stop_timeout = details.stop_timeout.filter(|seconds| *seconds != PODMAN_GRACE);
        }
        Ok(details)
    }

    pub(crate) async fn raw_container(&self, id: &str) -> Result<serde_json::Value, Error> {
        let path = format!("/containers/{id}/json");
        json::as_it_is(&path, &self.transport.bytes(Method::GET, &path).await?)
    }

    /// The ports that an image exposes.
    pub(crate) async fn exposed_ports(&self, image: &ImageRef) -> Result<Vec<Port>, Error> {
        let answer: ImageAnswer = self.transport.json(Method::GET, &format!("/images/{image}/json")).await?;
        Ok(ports_of(&answer.config.exposed_ports))
    }

    /// The labels of the image with this id.
    pub(crate) async fn labels_of_image(&self, id: &str) -> Result<LabelMap, Error> {
        let answer: ImageAnswer = self.transport.json(Method::GET, &format!("/images/{id}/json")).await?;
        Ok(answer.config.labels)
    }
}

impl RunningTask {
    /// As [`RunningTask::inspect`], but waits shortly until the engine reports the addresses of the published ports:
    /// they may be missing just after the start, and on some networks for ever.
    pub(crate) async fn inspect_published(&self) -> Result<Details, Error> {
        let untold = |details: &Result<Details, Error>| details.as_ref().is_ok_and(Details::lacks_ports);
        TELLING.ask(|| self.inspect(), untold).await
    }

    /// As [`RunningTask::inspect`], but waits until the engine has decided whether to restart an ended process.
    pub(crate) async fn inspect_decided(&self) -> Result<Details, Error> {
        let engine = self.docker().transport.engine();
        let undecided =
            |details: &Result<Details, Error>| details.as_ref().is_ok_and(|d| d.is_undecided(engine));
        DECISION.ask(|| self.inspect(), undecided).await
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ImageAnswer {
    config: ConfigAnswer,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct InspectAnswer {
    id: String,
    name: String,
    created: Option<String>,
    image: String,
    config: ConfigAnswer,
    host_config: HostAnswer,
    state: StateAnswer,
    network_settings: NetworkAnswer,
    restart_count: u64,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ConfigAnswer {
    image: String,
    labels: LabelMap,
    tty: bool,
    open_stdin: bool,
    stop_timeout: Option<i64>,
    exposed_ports: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct HostAnswer {
    network_mode: String,
    log_config: LogAnswer,
    restart_policy: RestartAnswer,
    port_bindings: BTreeMap<String, serde_json::Value>,
    publish_all_ports: bool,
}

impl HostAnswer {
    /// The ports out of `exposed` that should be published: none in the network of another container.
    fn to_publish(&self, exposed: &[Port]) -> Vec<Port> {
        let borrowed = matches!(self.network_mode.as_str(), "host" | "none");
        if borrowed || self.network_mode.starts_with("container:") {
            return Vec::new();
        }
        let all = if self.publish_all_ports { exposed } else { &[] };
        ports_of(&self.port_bindings).into_iter().chain(all.iter().copied()).collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct RestartAnswer {
    name: String,
    maximum_retry_count: u64,
}

impl RestartAnswer {
    /// Whether the policy restarts a process that ended with `code` after `restarts` restarts.
    fn holds(&self, code: i64, restarts: u64) -> bool {
        match (self.name.as_str(), self.maximum_retry_count) {
            ("always" | "unless-stopped", _) => true,
            ("on-failure", 0) => code != 0,
            ("on-failure", most) => code != 0 && restarts < most,
            _ => false,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct LogAnswer {
    #[serde(rename = "Type")]
    driver: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct StateAnswer {
    status: String,
    error: String,
    exit_code: i64,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    pid: u32,
    started_at: Option<String>,
    finished_at: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkAnswer {
    ports: BTreeMap<String, Option<Vec<BindingAnswer>>>,
    networks: HashMap<String, Option<EndpointAnswer>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct BindingAnswer {
    host_ip: String,
    host_port: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct EndpointAnswer {
    #[serde(rename = "NetworkID")]
    id: String,
    #[serde(rename = "IPAddress")]
    address: String,
    #[serde(rename = "GlobalIPv6Address")]
    address_v6: String,
}

/// Checks a container id from an engine, because it becomes part of request paths.
pub(crate) fn checked_id(id: String) -> Result<String, Error> {
    if is_id(&id) { Ok(id) } else { Err(refusal::bad_answer("/containers", &"an id that is no id")) }
}

impl From<InspectAnswer> for Details {
    fn from(answer: InspectAnswer) -> Self {
        let InspectAnswer { config, state, network_settings: network, .. } = answer;
        let exposed = ports_of(&config.exposed_ports);
        let to_publish = answer.host_config.to_publish(&exposed);
        let joined = network.networks.iter().map(|(name, end)| (name, end.as_ref().map(|e| e.id.as_str())));
        let networks = TaskNetworks::read(&config.labels, joined);
        Self {
            id: EngineId::Container(answer.id),
            name: printable(answer.name.trim_start_matches('/')),
            image: printable(&config.image),
            image_id: answer.image,
            task_id: config.labels.get(TASK_ID).and_then(|id| id.parse().ok()),
            node: None,
            service: config.labels.get(SERVICE).filter(|id| is_swarm_id(id)).cloned(),
            labels: config.labels,
            status: printable(&state.status),
            error: printable(&state.error),
            exit_code: state.exit_code,
            oom_killed: state.oom_killed,
            pid: state.pid,
            restarts: answer.restart_count,
            comes_again: answer.host_config.restart_policy.holds(state.exit_code, answer.restart_count),
            created_at: moment(answer.created.as_deref()),
            started_at: moment(state.started_at.as_deref()),
            finished_at: moment(state.finished_at.as_deref()),
            health: state.health.filter(|h| !h.status.is_empty() && h.status != "none"),
            tty: config.tty,
            open_stdin: config.open_stdin,
            stop_timeout: config.stop_timeout,
            log_driver: answer.host_config.log_config.driver,
            networks,
            network_mode: printable(&answer.host_config.network_mode),
            addresses: addresses(&network),
            published: published(&network),
            to_publish,
            exposed,
        }
    }
}

/// A time from the engine; `None` for its zero time, the year 1.
fn moment(text: Option<&str>) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    (time.timestamp() > 0).then_some(time)
}

fn ports_of<T>(ports: &BTreeMap<String, T>) -> Vec<Port> {
    let mut ports: Vec<Port> = ports.keys().filter_map(|p| p.parse().ok()).collect();
    ports.sort_unstable();
    ports
}

fn addresses(network: &NetworkAnswer) -> Vec<std::net::IpAddr> {
    let endpoints = network.networks.values().flatten();
    endpoints.flat_map(|e| [&e.address, &e.address_v6]).filter_map(|a| a.parse().ok()).collect()
}

/// A binding from the engine: an address (empty means all addresses) and a port.
pub(crate) fn bound(ip: &str, port: u16) -> Option<Binding> {
    let is_address = ip.is_empty() || ip.parse::<std::net::IpAddr>().is_ok();
    is_address.then(|| Binding { host: ip.to_owned(), port })
}

/// The bindings of one port, IPv4 first.
pub(crate) fn ipv4_first(bindings: impl IntoIterator<Item = Binding>) -> Vec<Binding> {
    let (v6, mut all): (Vec<_>, Vec<_>) = bindings.into_iter().partition(|b| b.host.contains(':'));
    all.extend(v6);
    all
}

/// The published ports; for each port, IPv4 comes first.
fn published(network: &NetworkAnswer) -> Ports {
    let mut ports = Ports::new();
    for (port, bindings) in &network.ports {
        let (Ok(port), Some(bindings)) = (port.parse::<Port>(), bindings) else { continue };
        let bindings = bindings.iter().filter_map(|b| bound(&b.host_ip, b.host_port.parse().ok()?));
        ports.insert(port, ipv4_first(bindings));
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Address, docker::http::version::Engine, state::State};

    fn container(json: &str) -> Details {
        json::read::<InspectAnswer>(json.as_bytes()).unwrap().into()
    }

    #[test]
    fn an_answer_with_nulls_and_unknown_values_is_understood() {
        let container = container(
            r#"{"Id":"a","Name":"/web","Created":"2026-01-02T03:04:05.678Z","Extra":1,
                "Config":{"Image":"i","Labels":null,"ExposedPorts":null},
                "State":{"Status":"hibernating","StartedAt":"0001-01-01T00:00:00Z","Health":null},
                "NetworkSettings":{"Ports":null,"Networks":null}}"#,
        );
        assert_eq!(container.name, "web");
        assert_eq!(container.state(), State::Running);
        assert_eq!(container.started_at, None);
        assert!(container.created_at.is_some());
    }

    #[test]
    fn an_end_is_final_unless_the_engine_may_restart_the_task() {
        let undecided = |status: &str, policy: &str, code: i64, restarts: u64, engine: Engine| {
            let json = format!(
                r#"{{"Id":"a","RestartCount":{restarts},"State":{{"Status":"{status}","ExitCode":{code}}},
                    "HostConfig":{{"RestartPolicy":{{"Name":"{policy}","MaximumRetryCount":3}}}}}}"#
            );
            container(&json).is_undecided(engine)
        };
        let podman = Engine::default();
        assert!(undecided("exited", "on-failure", 5, 2, podman) && undecided("stopped", "no", 0, 0, podman));
        assert!(!undecided("exited", "on-failure", 5, 3, podman));
        assert!(!undecided("exited", "on-failure", 0, 0, podman));
        assert!(undecided("exited", "always", 0, 9, podman) && !undecided("exited", "", 1, 0, podman));
        let mut headers = hyper::header::HeaderMap::new();
        headers.insert("server", "Docker/28.0.0 (linux)".parse().unwrap());
        assert!(!undecided("exited", "always", 0, 0, Engine::of(&headers)));
    }

    #[test]
    fn a_wildcard_binding_is_reached_at_the_engines_machine() {
        let container = container(
            r#"{"Id":"a","NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"::","HostPort":"2"},
                {"HostIp":"0.0.0.0","HostPort":"1"}],"81/tcp":null}}}"#,
        );
        let ports = container.ports(&Address::Unix("/s".into()));
        let port = "80/tcp".parse().unwrap();
        assert_eq!(
            ports[&port].iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1:1", "[::1]:2"]
        );
        let remote = Address::Ssh { user: None, host: "far".into(), port: None, path: None };
        assert_eq!(container.ports(&remote)[&port][0].to_string(), "far:1");
    }

    #[test]
    fn the_exit_code_decides_between_completed_and_failed() {
        let state = |status: &str, code: i64| {
            container(&format!(r#"{{"Id":"a","State":{{"Status":"{status}","ExitCode":{code}}}}}"#)).state()
        };
        assert_eq!(state("created", 0), State::Scheduled);
        assert_eq!(state("running", 0), State::Running);
        assert_eq!(state("restarting", 1), State::Running);
        assert_eq!(state("exited", 0), State::Completed);
        assert_eq!(state("exited", 3), State::Failed);
    }
}
