//! A second engine with TLS that requires a client certificate. Run tasks on it with `--network none`: it shares the
//! bridge with the engine under test.

use std::net::TcpListener;
use std::sync::OnceLock;

use super::authority::Authority;
use super::guarded::Guarded;
use super::{Engine, need};

/// The engine, started once for all tests; the tests check its state through its socket.
pub struct Secured {
    pub engine: Engine,
    pub authority: Authority,
    pub port: u16,
    _server: Guarded,
}

/// The engine; its certificate is for 127.0.0.1.
pub fn engine() -> &'static Secured {
    static ENGINE: OnceLock<Secured> = OnceLock::new();
    need::engine();
    ENGINE.get_or_init(|| {
        let authority = Authority::new();
        let files = authority.issue("engine", "127.0.0.1").into_os_string().into_string().unwrap();
        // The system returns a free port; it is unlikely that another process takes it within the next second.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let command = "dockerd --config-file \"$folder/config.json\" --iptables=false --data-root \"$folder/root\" \
                       --exec-root \"$folder/exec\" --pidfile \"$folder/pid\" --host \"unix://$folder/sock\" \
                       --host \"tcp://127.0.0.1:$2\" --tlsverify --tlscacert \"$1/ca.pem\" \
                       --tlscert \"$1/cert.pem\" --tlskey \"$1/key.pem\"";
        // A static is never dropped: the certificates are removed together with the server.
        let after = "rm -rf \"${1%/*}\";";
        let server =
            Guarded::start("echo {} >config.json &&", command, after, &[&files, &port.to_string()]);
        let engine = Engine::at(server.folder().join("sock"));
        server.wait_until(|| engine.answers());
        Secured { engine, authority, port, _server: server }
    })
}
