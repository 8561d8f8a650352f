//! Certificates made as in Docker's guide to TLS: an authority, and the certificates that it signs.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A certificate authority with its own folder.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate, folder: TempDir::new().unwrap() }
    }

    /// Writes `ca.pem` and a certificate for `name` with its key into the authority's folder, under `word`.
    pub fn issue(&self, word: &str, name: &str) -> PathBuf {
        let folder = self.folder.path().join(word);
        fs::create_dir_all(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        self.trust_in(&folder);
        folder
    }

    /// Writes the authority's own certificate into `folder`, for clients that should trust it.
    pub fn trust_in(&self, folder: &Path) {
        fs::write(folder.join("ca.pem"), &self.certificate).unwrap();
    }
}
