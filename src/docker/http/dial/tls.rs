//! TLS connections to an engine by rustls: reads the files and explains failures.

use std::{path::Path, sync::Arc};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    address::{Address, Tls},
    docker::http::dial::unreachable::{TLS_HINT, unreachable},
    error::{Error, ErrorKind},
};

const FILES_HINT: &str = "DOCKER_CERT_PATH or the context holds ca.pem, cert.pem and key.pem";

/// Opens TLS connections to one host.
pub(in crate::docker) struct Connector {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Connector {
    pub(crate) fn new(host: &str, tls: &Tls) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::invalid("engine address", host, "it is no host name that a certificate could be for")
                .with_hint("use the host's DNS name or IP address")
        })?;
        Ok(Self { connector: Arc::new(config(tls)?).into(), name })
    }

    /// Connects to any server at `host`, without checking its certificate.
    pub(in crate::docker) fn unchecked(host: &str) -> Result<Self, Error> {
        Self::new(host, &Tls { verify: false, ..Tls::default() })
    }

    /// Connects to the server at `host` if this machine trusts its certificate.
    pub(in crate::docker) fn checked(host: &str) -> Result<Self, Error> {
        Self::new(host, &Tls { verify: true, ..Tls::default() })
    }

    pub(in crate::docker) async fn connect(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn config(tls: &Tls) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = if tls.verify {
        builder.with_root_certificates(authorities(tls.ca.as_deref())?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    };
    match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => {
            builder.with_client_auth_cert(certificates(cert)?, private_key(key)?).map_err(|error| {
                Error::new(ErrorKind::InvalidInput, format!("{} is no use with its key", cert.display()))
                    .with_hint("cert.pem and key.pem must belong together")
                    .with_source(error)
            })
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(alone), None) | (None, Some(alone)) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("{} needs its counterpart", alone.display()))
                .with_hint("a client certificate is cert.pem together with key.pem"))
        }
    }
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "TLS cannot be set up").with_source(error)
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca else {
        // A system certificate that cannot be read is skipped; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| bad_file(file, "an authority's certificate").with_source(error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(bad_file(file, "a certificate")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(bad_pem(file, "a certificate", error)),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| bad_pem(file, "an unencrypted private key", error))
}

/// The error for a bad PEM file. Its cause is shown only for a failed read: other causes quote the file, which may be a
/// private key.
fn bad_pem(file: &Path, what: &str, error: pem::Error) -> Error {
    match error {
        pem::Error::Io(error) => Error::new(ErrorKind::File, format!("cannot read {}", file.display()))
            .with_hint(FILES_HINT)
            .with_source(error),
        _ => bad_file(file, what),
    }
}

fn bad_file(file: &Path, what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{} does not hold {what} in PEM", file.display()))
        .with_hint(FILES_HINT)
}

/// Explains a TLS failure with the engine at `address`.
pub(crate) fn explain(address: &Address, error: &rustls::Error) -> Error {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(reason) => bad_server(address, reason),
        E::AlertReceived(alert) if blames_certificate(*alert) => Error::new(
            ErrorKind::PermissionDenied,
            format!("the engine at {address} wants another client certificate"),
        )
        .with_hint("put a cert.pem and key.pem that the engine's authority signed into DOCKER_CERT_PATH"),
        E::InvalidMessage(_) => unreachable(address, "what answers does not speak TLS", TLS_HINT),
        _ => unreachable(address, "the TLS connection failed", TLS_HINT),
    }
    .with_source(error.clone())
}

/// The alerts by which servers refuse a client's certificate, or the lack of one.
fn blames_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::CertificateRequired
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            // An authority with the same name but another key: the signature is wrong.
            | A::DecryptError
    )
}

fn bad_server(address: &Address, reason: &CertificateError) -> Error {
    use CertificateError as C;
    let (reason, hint) = match reason {
        C::UnknownIssuer | C::BadSignature => (
            "its certificate is signed by no authority that is trusted",
            "put the engine's ca.pem into DOCKER_CERT_PATH, or into the context by `docker context update`",
        ),
        C::NotValidForName | C::NotValidForNameContext { .. } => (
            "its certificate is for another name",
            "use a name that the certificate holds, or have one made for this name",
        ),
        C::Expired | C::ExpiredContext { .. } => {
            ("its certificate has expired", "renew the certificate on the engine's side")
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            ("its certificate is not valid yet", "check the clocks of both machines")
        }
        _ => ("its certificate cannot be used", "have a certificate made that follows Docker's TLS guide"),
    };
    unreachable(address, reason, hint)
}

/// Accepts any certificate, as Docker does with TLS without verification. The connection is still encrypted.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
