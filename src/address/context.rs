//! Reads Docker's contexts: which one is current, and where its engine listens.

use std::{
    fs,
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    address::{Tls, surroundings::Surroundings},
    error::{Error, ErrorKind},
    small_file::{self, LARGEST_CONFIG},
};

/// What helps where a file cannot be read.
const INSTEAD: &str = "mend the file, or name the engine by --host or DOCKER_HOST";

/// The engine of a context.
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) tls: Option<Tls>,
}

#[derive(Deserialize)]
pub(crate) struct ContextConfig {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Meta {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

impl Meta {
    /// The address of its engine, as it is written there.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn host(&self) -> Option<&str> {
        self.endpoints.docker.as_ref().map(|docker| docker.host.as_str())
    }
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// The current context of the configuration in `folder`, and the name of the file that says so.
pub(crate) fn current(folder: &Path) -> Result<Option<(String, String)>, Error> {
    let file = folder.join("config.json");
    let config: Option<ContextConfig> = read(&file)?;
    let name = config.and_then(|config| config.current_context).filter(|name| !name.is_empty());
    Ok(name.map(|name| (name, format!("currentContext in {}", file.display()))))
}

/// The engine of the context `name`, which `source` asked for.
pub(crate) fn load(
    name: &str,
    source: &str,
    folder: &Path,
    surroundings: &Surroundings,
) -> Result<Endpoint, Error> {
    let id = id(name);
    let meta: Option<Meta> = read(&folder.join("contexts/meta").join(&id).join("meta.json"))?;
    let Some(meta) = meta else {
        return Err(Error::new(ErrorKind::InvalidInput, format!("no context {name:?} (from {source})"))
            .with_hint("`docker context ls` lists them; --host or DOCKER_HOST names an address instead"));
    };
    let docker = meta.endpoints.docker.filter(|docker| !docker.host.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("context {name:?} (from {source}) names no engine"))
            .with_hint(format!("`docker context update {name} --docker host=ADDRESS` names one"))
    })?;
    let files = surroundings.tls_in(&tls_folder(folder, &id));
    let wanted = docker.skip_tls_verify || files != Tls::default();
    let tls = wanted.then_some(Tls { verify: !docker.skip_tls_verify, ..files });
    Ok(Endpoint { host: docker.host, tls })
}

impl Surroundings<'_> {
    /// The names of Docker's contexts, sorted, as `docker context ls` shows them, without `default`.
    #[must_use]
    pub fn contexts(&self) -> Vec<String> {
        self.docker_folder().map(|folder| names(&folder)).unwrap_or_default()
    }
}

/// The names of all contexts, sorted. Contexts that cannot be read are left out.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("contexts/meta")).into_iter().flatten().flatten();
    let meta = entries.filter_map(|entry| read::<Meta>(&entry.path().join("meta.json")).ok().flatten());
    let mut names: Vec<String> = meta.map(|meta| meta.name).filter(|name| !name.is_empty()).collect();
    names.sort();
    names
}

fn tls_folder(folder: &Path, id: &str) -> PathBuf {
    folder.join("contexts/tls").join(id).join("docker")
}

/// The folder name of a context: its name's SHA-256 in hex.
fn id(name: &str) -> String {
    format!("{:x}", Sha256::digest(name))
}

/// The JSON in `file`; `None` if there is no such file.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Error> {
    let text = match small_file::read(file, LARGEST_CONFIG) {
        Ok(text) => text,
        Err(error) if error.kind() == NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::new(ErrorKind::File, format!("cannot read {}", file.display()))
                .with_hint(INSTEAD)
                .with_source(error));
        }
    };
    parse(file, &text).map(Some)
}

/// The JSON that `file` holds.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, text: &[u8]) -> Result<T, Error> {
    // An empty file is an empty configuration, as for Docker.
    let text = if text.trim_ascii().is_empty() { b"{}".as_slice() } else { text };
    // As for Docker, what follows the object does not matter.
    T::deserialize(&mut serde_json::Deserializer::from_slice(text)).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        Error::new(ErrorKind::InvalidInput, format!("{} is not what Docker writes, at {at}", file.display()))
            .with_hint(INSTEAD)
    })
}
