//! An OpenSSH server on a loopback port, with its own keys, settings and client configuration: no file of the user is
//! read or written.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::guarded::Guarded;
use super::{Bed, Cube, Engine};

/// The shell lines that make keys, and root's folder that sshd needs to start.
const PREPARE: &str = r#"chmod 700 . && for key in host client; do ssh-keygen -qt ed25519 -N "" -f $key; done &&
    cp client.pub authorized && { [ $(id -u) != 0 ] || mkdir -p /run/sshd; } &&
    echo "[127.0.0.1]:$1 $(cut -d" " -f1,2 host.pub)" >known &&"#;

/// A running sshd that accepts the key of its own client.
pub struct Sshd {
    server: Guarded,
    port: u16,
    user: String,
}

impl Sshd {
    /// The server, started once for all tests.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Sshd> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A separate server for one test.
    pub fn start() -> Self {
        // The system returns a free port; it is unlikely that another process takes it within the next second.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let name = Command::new("id").arg("-un").output().unwrap().stdout;
        let command = "/usr/sbin/sshd -D -e -f none -p \"$1\" -h \"$folder/host\" -o ListenAddress=127.0.0.1 \
                       -o AuthorizedKeysFile=\"$folder/authorized\" -o StrictModes=no -o PidFile=none \
                       -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no -o UsePAM=no";
        let server = Guarded::start(PREPARE, command, "", &[&port.to_string()]);
        server.wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { server, port, user: String::from_utf8(name).unwrap().trim().to_owned() }
    }

    /// The same command line on the engine under test, through this server.
    pub fn carry(&self, bed: &Bed, cube: Cube) -> Cube {
        self.carry_as(bed, cube, &self.file("client"), &self.file("known"))
    }

    /// The same as a client with another key or other known hosts.
    pub fn carry_as(&self, bed: &Bed, cube: Cube, key: &Path, known: &Path) -> Cube {
        let options = format!(
            "-F none -o IdentityFile={} -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile={} \
             -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes",
            key.display(),
            known.display()
        );
        // The settings are those that a user writes to ~/.ssh/config, which ssh finds independently of HOME.
        let program = bed.program("ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh {options} \"$@\"\n"));
        let path = std::env::var("PATH").unwrap_or_default();
        let cube = cube.env("PATH", format!("{}:{path}", program.parent().unwrap().display()));
        cube.env("DOCKER_HOST", self.host(Engine::under_test()))
    }

    /// The `DOCKER_HOST` for the engine.
    fn host(&self, engine: &Engine) -> String {
        let socket = engine.host().replacen("unix://", "", 1);
        format!("ssh://{}@127.0.0.1:{}{socket}", self.user, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file of the server's: `client`, `host` (a key), `known`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }
}
