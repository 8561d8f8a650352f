//! The networks of a create request, and those that an older engine joins by separate requests.

use serde_json::{Map, Value, json};

use crate::{
    config::{Config, value::network::NetworkAttachment},
    docker::{container::body::fields::add as add_fields, http::version::Engine},
};

/// The first API version whose create request takes several networks, each with its MAC address.
const SEVERAL: (u32, u32) = (1, 44);

/// A network to connect a created container to.
#[derive(Debug, PartialEq)]
pub(crate) struct Join {
    /// The network's name or id.
    pub network: String,
    /// The container's settings in that network.
    pub endpoint: Value,
}

/// Adds the networks to the body; before API 1.44 only the first one.
pub(super) fn add(body: &mut Map<String, Value>, config: &Config, engine: Engine) {
    let joined = config.network.joined();
    let is_old = engine.is_below(SEVERAL);
    if let Some(first) = joined.first().filter(|_| is_old) {
        add_fields(body, [("MacAddress", json!(first.mac_address))]);
    }
    let alone = joined.len() == 1;
    let in_request = if is_old { 1 } else { joined.len() };
    let mut endpoints = Map::new();
    for (at, network) in joined.iter().enumerate().take(in_request) {
        let endpoint = endpoint(network, if at == 0 { &config.network.link } else { &[] }, is_old);
        // A network without settings is already given by the network mode.
        if !(alone && endpoint.is_empty()) {
            endpoints.insert(network.name.clone(), endpoint.into());
        }
    }
    if !endpoints.is_empty() {
        body.insert("NetworkingConfig".to_owned(), json!({ "EndpointsConfig": endpoints }));
    }
}

/// The networks that this engine joins only after the create.
pub(crate) fn later(config: &Config, engine: Engine) -> Vec<Join> {
    let joined = if engine.is_below(SEVERAL) { config.network.joined() } else { Vec::new() };
    let join = |network: &NetworkAttachment| Join {
        network: network.name.clone(),
        endpoint: endpoint(network, &[], true).into(),
    };
    joined.iter().skip(1).map(join).collect()
}

fn endpoint(network: &NetworkAttachment, links: &[String], is_old: bool) -> Map<String, Value> {
    let links = if network.is_user_defined() { links } else { &[] };
    let mut addresses = Map::new();
    add_fields(
        &mut addresses,
        [
            ("IPv4Address", json!(network.ip)),
            ("IPv6Address", json!(network.ip6)),
            ("LinkLocalIPs", json!(network.link_local_ips)),
        ],
    );
    let mut words = Map::new();
    add_fields(
        &mut words,
        [
            ("IPAMConfig", addresses.into()),
            ("Aliases", json!(network.aliases)),
            ("Links", json!(links)),
            ("MacAddress", if is_old { Value::Null } else { json!(network.mac_address) }),
            ("DriverOpts", json!(network.driver_opts)),
            ("GwPriority", if network.gw_priority == 0 { Value::Null } else { network.gw_priority.into() }),
        ],
    );
    words
}
