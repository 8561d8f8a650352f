//! What an engine says of itself in the head of each answer.

use hyper::header::{HeaderMap, SERVER};

/// Whose engine it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Product {
    Docker,
    Podman,
    /// It does not say.
    #[default]
    Other,
}

/// Which engine answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Engine {
    product: Product,
    /// Major and minor number of its newest API; 0.0 if it does not say.
    api: (u32, u32),
}

impl Engine {
    /// An engine of Docker's with this API.
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

    /// Whose engine it is.
    pub(crate) fn product(self) -> Product {
        self.product
    }

    /// Whether its newest API is below this one. An engine that does not say is taken for new.
    pub(crate) fn is_below(self, api: (u32, u32)) -> bool {
        self.api != (0, 0) && self.api < api
    }

    /// Its newest API as major and minor number; 0.0 if it does not say.
    pub(crate) fn api(self) -> (u32, u32) {
        self.api
    }

    /// Whether it is Docker's own.
    pub(crate) fn is_docker(self) -> bool {
        self.product == Product::Docker
    }

    /// Whether it is Docker's own, and knows what came with this API.
    pub(crate) fn is_docker_since(self, api: (u32, u32)) -> bool {
        self.is_docker() && self.api >= api
    }

    /// Whether it is Docker's own, and older than this API.
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
