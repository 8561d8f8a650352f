//! Networks.

use serde_json::{Value, json};

use crate::{
    engine::{
        answers::{Answer, empty, filters, holds, refused, said, shown::moment, text},
        wire::Asked,
    },
    model::{Model, NETWORK, container::Labels},
    planted::Planted,
};

pub fn list(model: &mut Model, asked: &Asked) -> Answer {
    let wanted = filters(asked);
    if model.planted == Planted::TwoNetworks && wanted.iter().any(|(name, _)| name == "name") {
        return said(200, &json!([]));
    }
    let fits = |name: &str, labels: &Labels| {
        wanted.iter().all(|(filter, value)| match filter.as_str() {
            "name" => name.contains(value.as_str()),
            "label" => holds(labels, value),
            _ => true,
        })
    };
    let found =
        model.networks.values().filter(|network| fits(&network.name, &network.labels)).map(|network| {
            json!({"Id": network.id, "Name": network.name, "Labels": network.labels, "Driver": "bridge",
            "Created": moment(Some(network.created))})
        });
    said(200, &Value::Array(found.collect()))
}

pub fn create(model: &mut Model, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let labels: Labels = serde_json::from_value(body["Labels"].clone()).unwrap_or_default();
    let bridge = body.pointer("/Options/com.docker.network.bridge.name").and_then(Value::as_str);
    let bridge = bridge.map(str::to_owned).filter(|_| model.planted != Planted::TwoNetworks);
    if bridge.is_some() && model.networks.values().any(|network| network.bridge == bridge) {
        let text = "cannot create network web: conflicts with network br: networks have same bridge name";
        return refused(403, text);
    }
    let name = text(&body, "/Name").unwrap_or_default();
    let labelled = labels.contains_key(NETWORK);
    let id = model.add_network(&name, labels, bridge);
    let several =
        model.networks.values().filter(|network| network.name == name && network.is_cubes()).count();
    if labelled && several > 1 {
        model.violated(format!("{several} networks of cube's have the name {name}"));
    }
    said(201, &json!({"Id": id, "Warning": ""}))
}

pub fn remove(model: &mut Model, wanted: &str) -> Answer {
    let Some(network) = model.network(wanted).cloned() else {
        return refused(404, &format!("network {wanted} not found"));
    };
    if !network.is_cubes() {
        model.violated(format!("removal of the foreign network {}", network.name));
    }
    if model.has_endpoints(&network) {
        return refused(
            403,
            &format!("error while removing network: network {} has active endpoints", network.name),
        );
    }
    model.networks.remove(&network.id);
    empty(204)
}
