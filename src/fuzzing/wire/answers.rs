//! What an engine says of containers, services and paths.

use std::{collections::HashSet, fmt, net::IpAddr};

use chrono::DateTime;
use hyper::header::{HeaderMap, HeaderValue};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{
    address::Address,
    docker::{
        container::{inspect::InspectAnswer, list::ListAnswer},
        details::Details,
        files::stat,
        http::json,
        swarm::{
            answer::{Node, Service, ServiceTask},
            snapshot::Snapshot,
        },
    },
    printable::rewrites,
    result::Ports,
};

pub(crate) fn check(bytes: &[u8]) {
    if serde_json::from_slice::<OnceNamed>(bytes).is_ok() {
        let whole: Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(json::read::<Value>(bytes).unwrap(), json::pruned(whole));
    }
    if let Ok(answer) = json::read::<InspectAnswer>(bytes) {
        check_container(&answer.into());
    }
    for answer in one_or_many::<ListAnswer>(bytes) {
        if let Some(task) = answer.listed(DateTime::from_timestamp(2_000, 0)) {
            assert!(![&task.name, &task.image, &task.status].iter().any(|text| text.chars().any(rewrites)));
            check_ports(&task.ports);
            let _ = (task.is_finished(), task.is_expired(), serde_json::to_string(&task).unwrap());
        }
    }
    let tasks = one_or_many::<ServiceTask>(bytes);
    let node = one_or_many::<Node>(bytes).pop();
    for service in one_or_many::<Service>(bytes) {
        let _ = Details::from(Snapshot { service, tasks: Vec::new(), node: None });
    }
    if let Ok(service) = json::read::<Service>(br#"{"ID":"a"}"#) {
        let _ = Details::from(Snapshot { service, tasks, node });
    }
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let mut headers = HeaderMap::new();
        headers.insert("x-docker-container-path-stat", value);
        let _ = stat::read(&headers);
    }
}

fn check_container(container: &Details) {
    let Details { name, image, status, error, network_mode, .. } = container;
    assert!(![name, image, status, error, network_mode].iter().any(|text| text.chars().any(rewrites)));
    check_ports(&container.published);
    let far = Address::Ssh { user: None, host: "far".into(), port: None, path: None };
    for engine in [&Address::Unix("/s".into()), &far] {
        for binding in container.ports(engine).into_values().flatten() {
            assert!(binding.port != 0 && !matches!(binding.host.as_str(), "" | "0.0.0.0" | "::"));
        }
    }
}

/// What goes into commands and variables is an address.
fn check_ports(ports: &Ports) {
    for binding in ports.values().flatten() {
        assert!(binding.host.is_empty() || binding.host.parse::<IpAddr>().is_ok(), "{binding}");
    }
}

fn one_or_many<T: DeserializeOwned>(bytes: &[u8]) -> Vec<T> {
    json::read(bytes).or_else(|_| json::read(bytes).map(|one| vec![one])).unwrap_or_default()
}

/// JSON in which no object has a name twice: what that means is nobody's to say.
struct OnceNamed;

impl<'de> Deserialize<'de> for OnceNamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceNamedVisitor)
    }
}

struct OnceNamedVisitor;

impl<'de> Visitor<'de> for OnceNamedVisitor {
    type Value = OnceNamed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_bool<E>(self, _: bool) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_str<E>(self, _: &str) -> Result<OnceNamed, E> {
        Ok(OnceNamed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OnceNamed, A::Error> {
        while items.next_element::<OnceNamed>()?.is_some() {}
        Ok(OnceNamed)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<OnceNamed, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<OnceNamed>()?;
            if !names.insert(name) {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(OnceNamed)
    }
}
