//! Tests: each kind of connection, and how it fails.

use std::{fs, os::fd::AsFd, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener},
};
use tokio_rustls::TlsAcceptor;

use crate::{address::Tls, docker::http::dial::*};

async fn failure(address: Address) -> Error {
    let error = Dialer::new(address).unwrap().dial().await.expect_err("no engine is there");
    assert!(error.hint().is_some(), "{error}");
    error
}

/// Ends a listener without letting go of its address. One that is dropped goes on in a child that another test has
/// started and that has not executed its program yet.
fn closed(listener: &impl AsFd) {
    rustix::net::shutdown(listener, rustix::net::Shutdown::Both).unwrap();
}

/// Sends `ping` and returns what comes back.
async fn asked(dialer: &Dialer) -> Result<String, Error> {
    let mut stream = dialer.dial().await?;
    let mut answer = String::new();
    let sent = stream.write_all(b"ping").await;
    let ended = match sent {
        Ok(()) => stream.read_to_string(&mut answer).await.map(drop),
        error => error,
    };
    match ended {
        Ok(()) => Ok(answer),
        Err(error) => Err(dialer.explain(&error).unwrap_or_else(|| panic!("unexplained: {error:?}"))),
    }
}

#[tokio::test]
async fn a_unix_socket_is_reached_and_its_failures_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("x.sock");
    let missing = failure(Address::Unix(socket.clone())).await;
    assert!(missing.to_string().ends_with("x.sock: there is no such socket"), "{missing}");
    assert_eq!(missing.kind(), ErrorKind::EngineUnreachable);
    let listener = UnixListener::bind(&socket).unwrap();
    let dialer = Dialer::new(Address::Unix(socket.clone())).unwrap();
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
    };
    assert_eq!(tokio::join!(asked(&dialer), answer).0.unwrap(), "pong");
    closed(&listener);
    let dead = failure(Address::Unix(socket)).await;
    assert!(dead.to_string().ends_with("nothing listens on the socket"), "{dead}");
}

#[test]
fn a_forbidden_socket_is_a_permission_error() {
    let dialer = Dialer::new("unix:///run/x.sock".parse().unwrap()).unwrap();
    let error = dialer.no_socket(Path::new("/run/x.sock"), io::ErrorKind::PermissionDenied.into());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("/run/x.sock") && error.hint().unwrap().contains("docker"));
}

#[tokio::test]
async fn tcp_failures_name_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    closed(&listener);
    let refused = failure(address.parse().unwrap()).await;
    assert_eq!(refused.to_string(), format!("no engine at {address}: the connection was refused"));
    let unknown = failure("tcp://no-such-host.invalid".parse().unwrap()).await;
    assert!(unknown.to_string().contains("cannot be resolved"), "{unknown}");
    assert_eq!(unknown.kind(), ErrorKind::EngineUnreachable);
}

/// A certificate authority, and the PEM files of a server and a client that it signed.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        for (name, alt) in [("server", "localhost"), ("", "client")] {
            let key = KeyPair::generate().unwrap();
            let cert = CertificateParams::new(vec![alt.into()]).unwrap().signed_by(&key, &issuer).unwrap();
            fs::write(folder.path().join(format!("{name}cert.pem")), cert.pem()).unwrap();
            fs::write(folder.path().join(format!("{name}key.pem")), key.serialize_pem()).unwrap();
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ca(&self) -> Tls {
        Tls { ca: Some(self.file("ca.pem")), ..Tls::default() }
    }

    fn with_client(&self, tls: Tls) -> Tls {
        Tls { cert: Some(self.file("cert.pem")), key: Some(self.file("key.pem")), ..tls }
    }

    /// A TLS server that answers each client that it accepts with `pong`; returns its port.
    async fn serve(&self, versions: &[&'static rustls::SupportedProtocolVersion], client_cert: bool) -> u16 {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = if client_cert {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(self.file("ca.pem")).unwrap()).unwrap();
            let provider = Arc::new(default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_file(self.file("servercert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.file("serverkey.pem")).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                stream.read_exact(&mut [0; 4]).await.unwrap();
                stream.write_all(b"pong").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        port
    }
}

fn tls_dialer(host: &str, port: u16, tls: Tls) -> Dialer {
    Dialer::new(Address::Tcp { host: host.into(), port, tls: Some(tls) }).unwrap()
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
const OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

#[tokio::test]
async fn a_server_that_the_authority_signed_is_trusted_and_others_are_not() {
    let (ours, other) = (Authority::new(), Authority::new());
    let port = ours.serve(BOTH, false).await;
    assert_eq!(asked(&tls_dialer("localhost", port, ours.ca())).await.unwrap(), "pong");
    let foreign = asked(&tls_dialer("localhost", port, other.ca())).await.unwrap_err();
    assert!(foreign.to_string().contains("no authority that is trusted"), "{foreign}");
    let system = asked(&tls_dialer("localhost", port, Tls::default())).await.unwrap_err();
    assert!(system.to_string().contains("no authority that is trusted"), "{system}");
    let renamed = asked(&tls_dialer("127.0.0.1", port, ours.ca())).await.unwrap_err();
    assert!(renamed.to_string().contains("another name"), "{renamed}");
    let unchecked = Tls { verify: false, ..other.ca() };
    assert_eq!(asked(&tls_dialer("127.0.0.1", port, unchecked)).await.unwrap(), "pong");
}

#[tokio::test]
async fn a_wrong_or_missing_client_certificate_is_named_as_the_cause() {
    let (ours, other) = (Authority::new(), Authority::new());
    for versions in [BOTH, OLD] {
        let port = ours.serve(versions, true).await;
        let right = ours.with_client(ours.ca());
        assert_eq!(asked(&tls_dialer("localhost", port, right)).await.unwrap(), "pong");
        for tls in [ours.ca(), other.with_client(ours.ca())] {
            let refused = asked(&tls_dialer("localhost", port, tls)).await.unwrap_err();
            assert!(refused.to_string().contains("client certificate"), "{refused:?}");
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_never_used_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = tls_dialer("localhost", listener.local_addr().unwrap().port(), Tls::default());
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 5];
        stream.read_exact(&mut first).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        first
    };
    let (result, first) = tokio::join!(asked(&dialer), answer);
    assert_eq!(first[..2], [22, 3], "the first record is a TLS handshake");
    let error = result.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut dialer = tls_dialer("localhost", listener.local_addr().unwrap().port(), Tls::default());
    dialer.limit = Duration::from_millis(50);
    let error = dialer.dial().await.err().unwrap();
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[test]
fn bad_tls_files_are_named() {
    let ours = Authority::new();
    let fails = |tls: Tls| tls::Connector::new("localhost", &tls).err().unwrap();
    fs::write(ours.file("empty.pem"), "").unwrap();
    let missing = fails(Tls { ca: Some(ours.file("gone.pem")), ..Tls::default() });
    assert_eq!(missing.kind(), ErrorKind::File);
    let empty = fails(Tls { ca: Some(ours.file("empty.pem")), ..Tls::default() });
    assert!(empty.to_string().contains("empty.pem does not hold a certificate"), "{empty}");
    let alone = fails(Tls { cert: Some(ours.file("cert.pem")), ..Tls::default() });
    assert!(alone.to_string().contains("counterpart"), "{alone}");
    let key =
        fails(Tls { key: Some(ours.file("cert.pem")), cert: Some(ours.file("cert.pem")), ..Tls::default() });
    assert!(key.to_string().contains("private key"), "{key}");
    let strange = fails(Tls { key: Some(ours.file("serverkey.pem")), ..ours.with_client(Tls::default()) });
    assert!(strange.to_string().contains("no use with its key"), "{strange}");
}

/// A dialer whose ssh is the given shell script.
fn ssh_dialer(folder: &TempDir, script: &str) -> Dialer {
    let program = folder.path().join("ssh");
    fake_program::write(&program, script);
    let mut dialer = Dialer::new("ssh://me@ci".parse().unwrap()).unwrap();
    dialer.ssh = program.into();
    dialer
}

#[tokio::test]
async fn the_streams_of_ssh_are_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let dialer = ssh_dialer(&folder, "head -c 4; echo noise >&2; echo \" $*\"; cat");
    let mut stream = dialer.dial().await.unwrap();
    stream.write_all(b"pingmore").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("ping -o ConnectTimeout=30") && answer.ends_with("dial-stdio\nmore"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_ssh_that_fails_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let noise = "i=0; while [ $i -lt 2000 ]; do echo \"warning $i ................................\" >&2; i=$((i+1)); done;";
    for (script, said, hint) in [
        (
            "echo 'me@ci: Permission denied (publickey).' >&2; exit 255",
            "255: me@ci: Permission denied",
            "ssh-agent",
        ),
        ("echo 'sh: docker: not found' >&2; exit 127", "exit code 127: sh: docker: not found", "Docker CLI"),
        (&format!("cat >/dev/null <&-; {noise} exit 1"), "exit code 1: ", "docker version"),
        ("exec <&- >&-; exit 255", "exit code 255", "docker version"),
    ] {
        let error = asked(&ssh_dialer(&folder, script)).await.unwrap_err();
        assert!(error.to_string().starts_with("no engine at ssh://me@ci: ssh ended"), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
    let mut dialer = ssh_dialer(&folder, "");
    dialer.ssh = folder.path().join("gone").into();
    let error = dialer.dial().await.err().unwrap();
    assert!(error.to_string().ends_with("ssh cannot be started"), "{error}");
}
