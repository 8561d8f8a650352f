//! Chooses the engine's address: flags, then the environment, then Docker's contexts, then the usual sockets.

use std::path::{Path, PathBuf};

use crate::{
    address::{Address, SOCKET, Tls, context},
    error::{Error, ErrorKind},
};

/// What the command line says about the engine. An empty text counts as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressChoice {
    /// `--context`: a name as `docker context ls` shows it.
    pub context: Option<String>,
    /// `--host`: an address as `DOCKER_HOST` holds it.
    pub host: Option<String>,
}

/// The process-wide state that the engine's address depends on. Passed as a value, so that tests can replace it.
#[derive(Clone)]
pub struct Surroundings<'a> {
    /// Looks up a variable of the environment.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The home folder, if there is one.
    pub home: Option<PathBuf>,
    /// The user's number, as in `/run/user/UID`.
    pub uid: u32,
    /// Whether a path exists (sockets and TLS files).
    pub exists: &'a (dyn Fn(&Path) -> bool + Sync),
    /// Receives warnings, for example of a file that cannot be read but is not needed.
    pub warn: &'a (dyn Fn(&str) + Sync),
}

impl Surroundings<'static> {
    /// The surroundings of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            env: &|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            uid: rustix::process::getuid().as_raw(),
            exists: &|path| path.exists(),
            warn: &|text| tracing::warn!("{text}"),
        }
    }
}

impl Surroundings<'_> {
    /// A variable of the environment; empty counts as unset, as Docker does.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// The folder of Docker's configuration: `DOCKER_CONFIG`, else `~/.docker`.
    pub(crate) fn docker_folder(&self) -> Option<PathBuf> {
        self.var("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(self.home.as_ref()?.join(".docker")))
    }

    /// The names of Docker's contexts, sorted, as `docker context ls` shows them, without `default`.
    #[must_use]
    pub fn contexts(&self) -> Vec<String> {
        self.docker_folder().map(|folder| context::names(&folder)).unwrap_or_default()
    }

    /// The path of Docker's config.json; `None` without a home folder and `DOCKER_CONFIG`.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        self.docker_folder().map(|folder| folder.join("config.json"))
    }

    /// The usual places of an engine's socket: Docker's, rootless Docker's, podman's.
    fn usual_sockets(&self) -> Vec<PathBuf> {
        let runtime = self.var("XDG_RUNTIME_DIR").map(PathBuf::from);
        let of_user = PathBuf::from(format!("/run/user/{}", self.uid));
        let user_folders = || runtime.iter().chain([&of_user]);
        let mut sockets = vec![PathBuf::from(SOCKET)];
        sockets.extend(user_folders().map(|folder| folder.join("docker.sock")));
        sockets.extend(self.home.iter().map(|home| home.join(".docker/run/docker.sock")));
        sockets.push("/run/podman/podman.sock".into());
        sockets.extend(user_folders().map(|folder| folder.join("podman/podman.sock")));
        sockets
    }

    /// The TLS settings of the environment, as Docker reads them: a non-empty `DOCKER_TLS_VERIFY` turns TLS on,
    /// a non-empty `DOCKER_TLS` alone turns it on without a check of the server's certificate.
    fn tls_of_env(&self) -> Result<Option<Tls>, Error> {
        let verify = self.var("DOCKER_TLS_VERIFY").is_some();
        if !verify && self.var("DOCKER_TLS").is_none() {
            return Ok(None);
        }
        Ok(Some(Tls { verify, ..self.tls_files()? }))
    }

    /// The PEM files that exist in `DOCKER_CERT_PATH`, else in Docker's folder.
    fn tls_files(&self) -> Result<Tls, Error> {
        let named = self.var("DOCKER_CERT_PATH");
        let Some(folder) = named.clone().map(PathBuf::from).or_else(|| self.docker_folder()) else {
            return Ok(Tls::default());
        };
        let tls = self.tls_in(&folder);
        match named {
            Some(named) if tls == Tls::default() => Err(Error::invalid(
                "DOCKER_CERT_PATH",
                &named,
                "the folder holds none of ca.pem, cert.pem, key.pem",
            )
            .with_hint("name the folder of the engine's ca.pem, or unset DOCKER_CERT_PATH")),
            _ => Ok(tls),
        }
    }

    /// The PEM files that exist in `folder`.
    pub(crate) fn tls_in(&self, folder: &Path) -> Tls {
        let file = |name| Some(folder.join(name)).filter(|path| (self.exists)(path));
        Tls { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), verify: true }
    }
}

impl Address {
    /// The engine's address: `--context`, `--host`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
    /// context of Docker's configuration, the first usual socket that exists, in this order.
    ///
    /// With the context `default`, contexts are ignored. Where TLS is asked for and no address is given, the
    /// address is `https://localhost:2376`, as with Docker. If none of the usual sockets exists, the address is
    /// `/var/run/docker.sock`.
    ///
    /// # Errors
    /// `InvalidInput` for an address or a context that cannot be used, `File` for a file of
    /// Docker's configuration that cannot be read. It names the value and where it came from.
    pub fn resolve(choice: &AddressChoice, surroundings: &Surroundings) -> Result<Self, Error> {
        Self::resolve_by(choice, surroundings).map(|(address, _)| address)
    }

    /// As [`Address::resolve`]; also returns where the address came from: `--context NAME`, `--host`, `DOCKER_HOST`,
    /// `DOCKER_CONTEXT`, a file, or `the usual socket`.
    ///
    /// # Errors
    /// As [`Address::resolve`].
    pub fn resolve_by(choice: &AddressChoice, surroundings: &Surroundings) -> Result<(Self, String), Error> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let chosen = given(&choice.context);
        if let Some(name) = chosen.as_deref().filter(|name| *name != "default") {
            return Ok((of_context(name, "--context", surroundings)?, format!("--context {name}")));
        }
        if let Some(host) = given(&choice.host) {
            return Ok((of_host("--host", &host, surroundings)?, "--host".to_owned()));
        }
        if let Some(host) = surroundings.var("DOCKER_HOST").filter(|host| !host.trim().is_empty()) {
            return Ok((of_host("DOCKER_HOST", &host, surroundings)?, "DOCKER_HOST".to_owned()));
        }
        if chosen.is_none()
            && let Some((name, source)) = named_context(surroundings)
        {
            return Ok((of_context(&name, &source, surroundings)?, source));
        }
        Ok((usual(surroundings)?, "the usual socket".to_owned()))
    }
}

/// The context that the environment or Docker's configuration names, and which of the two names it.
fn named_context(surroundings: &Surroundings) -> Option<(String, String)> {
    let named = match surroundings.var("DOCKER_CONTEXT") {
        Some(name) => Some((name, "DOCKER_CONTEXT".into())),
        None => match surroundings.docker_folder() {
            // A warning, as with Docker: one of the usual sockets may still work.
            Some(folder) => context::current(&folder).unwrap_or_else(|error| {
                let causes: String = error.causes().map(|cause| format!(": {cause}")).collect();
                (surroundings.warn)(&format!("{error}{causes}; going on without it"));
                None
            }),
            None => None,
        },
    };
    named.filter(|(name, _)| name != "default")
}

fn of_host(source: &str, host: &str, surroundings: &Surroundings) -> Result<Address, Error> {
    // TLS files are read only for an address that can use TLS.
    match Address::parse(source, host, None, &Tls::default())? {
        Address::Tcp { tls: https, .. } => {
            let tls = surroundings.tls_of_env()?;
            let https = if https.is_some() { surroundings.tls_files()? } else { Tls::default() };
            Address::parse(source, host, tls.as_ref(), &https)
        }
        other => Ok(other),
    }
}

/// A context's own TLS settings come first, then those of the environment: a context without TLS settings
/// does not turn TLS off.
fn of_context(name: &str, source: &str, surroundings: &Surroundings) -> Result<Address, Error> {
    let folder = surroundings.docker_folder().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("no context {name:?} (from {source}): there is no home folder"),
        )
        .with_hint("set HOME or DOCKER_CONFIG")
    })?;
    let endpoint = context::load(name, source, &folder, surroundings)?;
    let source = format!("address of context {name:?}");
    match endpoint.tls {
        Some(tls) => Address::parse(&source, &endpoint.host, Some(&tls), &tls),
        None => of_host(&source, &endpoint.host, surroundings),
    }
}

fn usual(surroundings: &Surroundings) -> Result<Address, Error> {
    if let Some(tls) = surroundings.tls_of_env()? {
        return Address::parse("engine address", "tcp://", Some(&tls), &tls);
    }
    let found = surroundings.usual_sockets().into_iter().find(|path| (surroundings.exists)(path));
    Ok(Address::Unix(found.unwrap_or_else(|| SOCKET.into())))
}

#[cfg(test)]
mod tests;
