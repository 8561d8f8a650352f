//! The engine's product and API version, from the headers of its answers.

use hyper::header::{HeaderMap, SERVER};

/// The product that the engine belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Product {
    Docker,
    Podman,
    /// Unknown.
    #[default]
    Other,
}

/// What is known about the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Engine {
    product: Product,
    /// Major and minor number of its newest API version; 0.0 if unknown.
    api: (u32, u32),
}

impl Engine {
    /// Docker's engine with this API version.
    #[cfg(test)]
    pub(crate) fn with_api(api: (u32, u32)) -> Self {
        Self { product: Product::Docker, api }
    }

    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (major, minor) = text("api-version").split_once('.').unwrap_or_default();
        let server = text(SERVER.as_str());
        let product = match server.split('/').next() {
            Some("Docker") => Product::Docker,
            Some("Libpod") => Product::Podman,
            _ => Product::Other,
        };
        Self { product, api: (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default()) }
    }

    /// The product that the engine belongs to.
    pub(crate) fn product(self) -> Product {
        self.product
    }

    /// Whether its newest API version is below `api`. An unknown version counts as new.
    pub(crate) fn is_below(self, api: (u32, u32)) -> bool {
        self.api != (0, 0) && self.api < api
    }

    /// Major and minor number of its newest API version; 0.0 if unknown.
    pub(crate) fn api(self) -> (u32, u32) {
        self.api
    }

    /// Whether it is Docker's engine.
    pub(crate) fn is_docker(self) -> bool {
        self.product == Product::Docker
    }

    /// Whether it is Docker's engine, and has at least this API version.
    pub(crate) fn is_docker_since(self, api: (u32, u32)) -> bool {
        self.is_docker() && self.api >= api
    }

    /// Whether it is Docker's engine, and older than this API version.
    pub(crate) fn is_before(self, api: (u32, u32)) -> bool {
        self.is_docker() && self.api < api
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_reports_engine_and_api() {
        let head = |server: &'static str, api: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("server", server.parse().unwrap());
            headers.insert("api-version", api.parse().unwrap());
            Engine::of(&headers)
        };
        let old = head("Docker/20.10.24 (linux)", "1.41");
        assert!(old.is_docker() && old.is_before((1, 42)) && !old.is_before((1, 41)));
        assert!(!head("Docker/28.5.2 (linux)", "1.51").is_before((1, 42)));
        let podman = head("Libpod/5.4.2 (linux)", "1.41");
        assert!(!podman.is_docker() && !podman.is_before((1, 42)));
        assert_eq!(Engine::of(&HeaderMap::new()), Engine::default());
    }
}
