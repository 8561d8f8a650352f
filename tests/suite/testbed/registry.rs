//! The registry of Debian's package `docker-registry`, on a loopback port, open or with a password.

use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde_json::json;

use super::guarded::Guarded;
use super::{Bed, Engine, image, need};

/// Who may pull from [`Registry::private`].
pub const USER: &str = "cube";
/// In standard base64 it contains `+` or `/`, which engines do not accept.
pub const PASSWORD: &str = "abc>>>def???";

/// A registry that lives as long as the tests.
pub struct Registry {
    _server: Guarded,
    address: String,
    auth: String,
}

/// An image that is in a registry and not on the engine; a pulled copy is removed on drop.
pub struct Published {
    pub reference: String,
    /// The digest of its content.
    pub digest: String,
    engine: &'static Engine,
}

impl Registry {
    /// A registry without a password.
    pub fn open() -> &'static Self {
        static OPEN: OnceLock<Registry> = OnceLock::new();
        OPEN.get_or_init(|| Self::start("127.0.0.1", "", "", String::new()))
    }

    /// A registry that requires [`USER`] and [`PASSWORD`].
    pub fn private() -> &'static Self {
        static PRIVATE: OnceLock<Registry> = OnceLock::new();
        PRIVATE.get_or_init(|| Self::private_at("127.0.0.1"))
    }

    /// The same at another of this machine's addresses.
    pub fn private_at(host: &str) -> Self {
        let config = "auth: {htpasswd: {realm: cube, path: htpasswd}}";
        let credentials = json!({"username": USER, "password": PASSWORD}).to_string();
        let auth = format!("X-Registry-Auth: {}", BASE64_URL_SAFE.encode(credentials));
        Self::start(host, "htpasswd -Bbn \"$3\" \"$4\" >htpasswd &&", config, auth)
    }

    fn start(host: &str, before: &str, config: &str, auth: String) -> Self {
        need::engine();
        // The system returns a free port; it is unlikely that another process takes it within the next second.
        let address = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nhttp: {{addr: \"{address}\"}}\n\
             storage: {{filesystem: {{rootdirectory: data}}}}\n{config}\n"
        );
        let before = format!("{before} printf '%s' \"$1\" >config &&");
        let server =
            Guarded::start(&before, "docker-registry serve config", "", &[&config, "", USER, PASSWORD]);
        server.wait_until(|| TcpStream::connect(&address).is_ok());
        Self { _server: server, address, auth }
    }

    /// `HOST:PORT`, the prefix of an image's name.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A fresh image of the bed's name in this registry.
    pub fn publish(&self, bed: &Bed, tag: &str) -> Published {
        let engine = Engine::under_test();
        let (reference, digest) = self.publish_from(engine, bed.name(), tag);
        Published { reference, digest, engine }
    }

    /// The same by another engine: the image's reference and digest.
    pub fn publish_from(&self, engine: &Engine, name: &str, tag: &str) -> (String, String) {
        let repo = format!("{}/{name}", self.address);
        let reference = image::fresh_on(engine, &repo, tag);
        let auth = if self.auth.is_empty() { "X-Registry-Auth: e30=" } else { &self.auth };
        let pushed = engine.send("POST", &format!("/images/{repo}/push?tag={tag}"), &[auth], &[]);
        let log = String::from_utf8_lossy(&pushed.body).into_owned();
        let digest = log.split_once("digest: ").and_then(|(_, rest)| rest.split(' ').next());
        let digest = digest.unwrap_or_else(|| panic!("pushing {reference}: {log}")).to_owned();
        engine.delete(&format!("/images/{reference}?force=1"));
        assert!(!engine.has(&format!("/images/{reference}/json")), "{reference} is still on the engine");
        (reference, digest)
    }

    /// A Docker config folder with these credentials for the registry, as `docker login` leaves it.
    pub fn login(&self, bed: &Bed, user: &str, password: &str) -> String {
        let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let config = json!({"auths": {&self.address: {"auth": auth}}});
        bed.file("config.json", &config.to_string());
        bed.path("").into_os_string().into_string().unwrap()
    }
}

impl Published {
    /// Whether the engine has it.
    pub fn pulled(&self) -> bool {
        self.engine.has(&format!("/images/{}/json", self.reference))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.engine.delete(&format!("/images/{}?force=1", self.reference));
    }
}
