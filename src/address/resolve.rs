//! Chooses the engine's address: flags, then the environment, then Docker's contexts, then the usual sockets.

use crate::{
    address::{Address, SOCKET, Tls, context, surroundings::Surroundings},
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
