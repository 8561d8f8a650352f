//! The grace of a stop where nobody set one. podman 4 takes none at all for a container that was created without one:
//! it kills at once.

use serde_json::{Map, Value};

use crate::docker::{
    container::inspect::PODMAN_GRACE,
    http::version::{Engine, Product},
};

/// Names the usual grace to podman, unless the body has one.
pub(crate) fn with_grace(body: &mut Map<String, Value>, engine: Engine) {
    if engine.product() == Product::Podman {
        body.entry("StopTimeout").or_insert_with(|| PODMAN_GRACE.into());
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, SERVER};
    use serde_json::json;

    use super::*;

    #[test]
    fn podman_alone_is_told_the_usual_grace_where_none_was_set() {
        let with_grace = |server: &'static str, mut body: Value| {
            let headers = HeaderMap::from_iter([(SERVER, server.parse().unwrap())]);
            with_grace(body.as_object_mut().unwrap(), Engine::of(&headers));
            body
        };
        let podman = "Libpod/4.3.1 (linux)";
        assert_eq!(with_grace(podman, json!({})), json!({"StopTimeout": 10}));
        assert_eq!(with_grace(podman, json!({"StopTimeout": 0})), json!({"StopTimeout": 0}));
        assert_eq!(with_grace("Docker/20.10.24 (linux)", json!({})), json!({}));
    }
}
