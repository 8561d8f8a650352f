//! `--use-api-socket`: puts the engine's socket and the caller's credentials into the container, as Docker's CLI does.

use serde::Serialize;
use serde_json::{Map, Value, json, ser::PrettyFormatter};

use crate::{
    address::Address,
    config::{Config, value::env::EnvVar},
    docker::{Docker, files::pack},
    error::{Error, ErrorKind},
    event::{Event, Events},
};

/// The folder of the credentials in the container.
const FOLDER: &str = "run/secrets/docker";
/// The variable through which a program in the container finds them.
pub(crate) const VARIABLE: &str = "DOCKER_CONFIG=/run/secrets/docker";

/// What a task with `--use-api-socket` gets.
pub(crate) struct ApiSocket {
    /// The engine's socket on this machine.
    pub(crate) path: String,
    /// The `auths` of its config.json; empty if there are no credentials, or the task has a configuration already.
    logins: Map<String, Value>,
}

impl ApiSocket {
    /// Whether there are credentials to give.
    pub(crate) fn has_logins(&self) -> bool {
        !self.logins.is_empty()
    }

    fn config_file(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut writer =
            serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
        // Serializing to memory cannot fail.
        let _ = json!({"auths": self.logins}).serialize(&mut writer);
        text
    }
}

impl Docker {
    /// The engine's socket and the caller's credentials, if the config asks for them.
    pub(super) async fn api_socket(
        &self,
        config: &Config,
        events: Events<'_>,
    ) -> Result<Option<ApiSocket>, Error> {
        let path = match &self.address {
            _ if !config.storage.use_api_socket => return Ok(None),
            Address::Unix(path) => path.display().to_string(),
            other => {
                let message =
                    format!("--use-api-socket needs the engine's socket, and this engine is at {other}");
                let hint = "give the task the address in a variable instead: --env DOCKER_HOST=…";
                return Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint));
            }
        };
        let mut env = config.process.env.iter().map(EnvVar::to_engine);
        let logins = if env.any(|variable| variable.starts_with("DOCKER_CONFIG=")) {
            Map::new()
        } else {
            self.credentials.all(events).await?
        };
        Ok(Some(ApiSocket { path, logins }))
    }

    /// Writes the credentials into the container. A failure is a warning.
    pub(super) async fn give_logins(&self, id: &str, socket: &ApiSocket, events: Events<'_>) {
        let archive = pack::one_file(&format!("{FOLDER}/config.json"), 0o600, &socket.config_file());
        let sent = match archive {
            Ok(archive) => self.send_bytes(id, "/", archive).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            events(Event::Warning(format!("the task has no credentials of registries: {error}")));
        }
    }
}
