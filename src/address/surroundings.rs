//! The process-wide state that the engine's address depends on: variables, folders, sockets.

use std::path::{Path, PathBuf};

use crate::{
    address::{SOCKET, Tls},
    error::Error,
};

/// The surroundings of a process. Passed as a value, so that tests can replace it.
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

    /// The path of Docker's config.json; `None` without a home folder and `DOCKER_CONFIG`.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        self.docker_folder().map(|folder| folder.join("config.json"))
    }

    /// The usual places of an engine's socket: Docker's, rootless Docker's, podman's.
    #[must_use]
    pub fn usual_sockets(&self) -> Vec<PathBuf> {
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
    pub(super) fn tls_of_env(&self) -> Result<Option<Tls>, Error> {
        let verify = self.var("DOCKER_TLS_VERIFY").is_some();
        if !verify && self.var("DOCKER_TLS").is_none() {
            return Ok(None);
        }
        Ok(Some(Tls { verify, ..self.tls_files()? }))
    }

    /// The PEM files that exist in `DOCKER_CERT_PATH`, else in Docker's folder.
    pub(super) fn tls_files(&self) -> Result<Tls, Error> {
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
