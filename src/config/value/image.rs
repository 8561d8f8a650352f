//! Image references by the rules of distribution/reference, as `docker run` and `docker pull` read them.

pub mod platform;
pub mod pull;

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_deserialize, error::Error};

const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
/// The key of Docker Hub's credentials in Docker's configuration.
const DEFAULT_REGISTRY_KEY: &str = "https://index.docker.io/v1/";
const PATH_MAX: usize = 255;
const TAG_MAX: usize = 128;

/// A reference to an image: a name with an optional registry, tag and digest, or the id of a local image.
///
/// `postgres` is `docker.io/library/postgres:latest`. `Display` is the familiar form with `:latest` added;
/// serde keeps the text as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    given: String,
    /// Empty for an id.
    domain: String,
    /// Empty for an id.
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageRef {
    /// A placeholder for an image that is not known yet.
    pub(in crate::config) const fn unset() -> Self {
        Self { given: String::new(), domain: String::new(), path: String::new(), tag: None, digest: None }
    }

    /// The text as it was given. It is used in create requests, because it may be a short image id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The registry's host and port, `docker.io` if none was given; empty for an image id.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository's path in the registry, such as `library/postgres`; empty for an image id.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, `algorithm:hex`, if one was given.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Whether this is the id of a local image (64 hex digits, with or without `sha256:`), which cannot be pulled.
    #[must_use]
    pub fn is_id(&self) -> bool {
        self.path.is_empty()
    }

    /// The reference as a user would write it, with `:latest` unless it has a tag or digest, or is an id.
    #[must_use]
    pub fn familiar(&self) -> String {
        if self.is_id() {
            return self.given.clone();
        }
        let mut text = self.pull_name();
        match (&self.tag, &self.digest) {
            (Some(tag), _) => text = text + ":" + tag,
            (None, None) => text += ":latest",
            (None, Some(_)) => {}
        }
        if let Some(digest) = &self.digest {
            text = text + "@" + digest;
        }
        text
    }

    /// The repository for a pull request (`fromImage`): registry and path, without Docker Hub's defaults.
    #[must_use]
    pub fn pull_name(&self) -> String {
        if self.is_id() {
            return self.given.clone();
        }
        if self.domain != DEFAULT_DOMAIN {
            return format!("{}/{}", self.domain, self.path);
        }
        let official = self.path.strip_prefix(OFFICIAL).filter(|name| !name.contains('/'));
        official.unwrap_or(&self.path).to_owned()
    }

    /// The tag for a pull request: the digest, else the tag, else `latest`. Never empty: the engine would pull all
    /// tags.
    #[must_use]
    pub fn pull_tag(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or("latest")
    }

    /// The key under which `docker login` keeps the registry's credentials.
    #[must_use]
    pub fn registry_key(&self) -> &str {
        if self.domain == DEFAULT_DOMAIN { DEFAULT_REGISTRY_KEY } else { &self.domain }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl FromStr for ImageRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_image_id(text) {
            let (domain, path) = (String::new(), String::new());
            return Ok(Self { given: text.to_owned(), domain, path, tag: None, digest: None });
        }
        parse_named(text).map_err(|reason| {
            Error::invalid("image reference", text, reason)
                .with_hint("write [registry/]name[:tag][@digest], such as postgres:13")
        })
    }
}

impl serde::Serialize for ImageRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.given)
    }
}

text_deserialize!(ImageRef, "an image reference");

fn parse_named(text: &str) -> Result<ImageRef, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    let (domain, rest) = split_domain(text);
    let (named, digest) = rest.split_once('@').map_or((rest, None), |(named, digest)| (named, Some(digest)));
    let (path, tag) = named.split_once(':').map_or((named, None), |(path, tag)| (path, Some(tag)));
    if path.chars().any(char::is_uppercase) {
        return Err("the repository name must be lowercase");
    }
    let official = domain == DEFAULT_DOMAIN && !path.contains('/');
    let path = if official { format!("{OFFICIAL}{path}") } else { path.to_owned() };
    if !is_domain(domain) {
        return Err("not a registry before the first slash");
    }
    if !path.split('/').all(is_path_component) {
        return Err("not a repository name");
    }
    if path.len() > PATH_MAX {
        return Err("the repository name is longer than 255 characters");
    }
    if !tag.is_none_or(is_tag) {
        return Err("there is no valid tag after the colon");
    }
    if !digest.is_none_or(is_digest) {
        return Err("there is no valid digest after the @");
    }
    let (given, domain) = (text.to_owned(), domain.to_owned());
    Ok(ImageRef { given, domain, path, tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
}

/// The first part is a registry if it has a dot, a port or an upper-case letter, or is `localhost`.
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((LEGACY_DOMAIN, rest)) => (DEFAULT_DOMAIN, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.chars().any(char::is_uppercase) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, text),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_image_id(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() == 64 && is_hex(hex)
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let label = |label: &str| {
        !(label.is_empty() || label.starts_with('-') || label.ends_with('-'))
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let host_ok = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(ip) => !ip.is_empty() && ip.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(label),
    };
    host_ok && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Lower-case letters and digits, separated by one dot, one or two underscores, or any number of dashes.
fn is_path_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| word(*b)) && bytes.last().is_some_and(|b| word(*b));
    let separator =
        |part: &[u8]| matches!(part, b"" | b"." | b"_" | b"__") || part.iter().all(|b| *b == b'-');
    ends && bytes.split(|b| word(*b)).all(separator)
}

fn is_tag(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= TAG_MAX
        && text.bytes().next().is_some_and(known)
        && text.bytes().all(|b| known(b) || b == b'.' || b == b'-')
}

fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    text.split_once(':').is_some_and(|(_, hex)| hex.len() == length && is_hex(hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";

    #[test]
    fn names_are_parsed_as_docker_parses_them() {
        for (text, domain, path, tag, familiar) in [
            ("postgres", "docker.io", "library/postgres", None, "postgres:latest"),
            ("postgres:13", "docker.io", "library/postgres", Some("13"), "postgres:13"),
            ("library/postgres", "docker.io", "library/postgres", None, "postgres:latest"),
            ("docker.io/postgres", "docker.io", "library/postgres", None, "postgres:latest"),
            ("docker.io/library/postgres:9", "docker.io", "library/postgres", Some("9"), "postgres:9"),
            ("index.docker.io/library/a", "docker.io", "library/a", None, "a:latest"),
            ("index.docker.io/a", "docker.io", "library/a", None, "a:latest"),
            ("library/foo/bar", "docker.io", "library/foo/bar", None, "library/foo/bar:latest"),
            ("user/app", "docker.io", "user/app", None, "user/app:latest"),
            ("quay.io/a/b/c:t", "quay.io", "a/b/c", Some("t"), "quay.io/a/b/c:t"),
            ("localhost/app", "localhost", "app", None, "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000", "app", None, "localhost:5000/app:latest"),
            ("localhost:5000", "docker.io", "library/localhost", Some("5000"), "localhost:5000"),
            (
                "127.0.0.1:5000/docker/docker",
                "127.0.0.1:5000",
                "docker/docker",
                None,
                "127.0.0.1:5000/docker/docker:latest",
            ),
            ("[::1]:5000/app:1", "[::1]:5000", "app", Some("1"), "[::1]:5000/app:1"),
            ("[2001:db8::1]/app", "[2001:db8::1]", "app", None, "[2001:db8::1]/app:latest"),
            ("Uppercase/lowercase", "Uppercase", "lowercase", None, "Uppercase/lowercase:latest"),
            ("REG.example/app", "REG.example", "app", None, "REG.example/app:latest"),
            ("foo_bar.com:8080", "docker.io", "library/foo_bar.com", Some("8080"), "foo_bar.com:8080"),
            ("xn--n3h.com/app", "xn--n3h.com", "app", None, "xn--n3h.com/app:latest"),
            ("a--b/c__d.e-f", "docker.io", "a--b/c__d.e-f", None, "a--b/c__d.e-f:latest"),
            ("dead10cc", "docker.io", "library/dead10cc", None, "dead10cc:latest"),
            ("app:_x.Y-z", "docker.io", "library/app", Some("_x.Y-z"), "app:_x.Y-z"),
            ("sha256:abc", "docker.io", "library/sha256", Some("abc"), "sha256:abc"),
        ] {
            let image: ImageRef = text.parse().unwrap();
            let parts = (image.domain(), image.path(), image.tag(), image.to_string());
            assert_eq!(parts, (domain, path, tag, familiar.to_owned()), "{text}");
            assert!(!image.is_id() && image.digest().is_none());
        }
    }

    #[test]
    fn invalid_references_are_refused() {
        let long_path = "a/".repeat(128) + "a";
        let long_tag = format!("app:{}", "t".repeat(129));
        let (short, upper) =
            (format!("app@sha256:{}", &HEX[1..]), format!("app@sha256:{}", HEX.to_uppercase()));
        for text in [
            "",
            " ",
            ":",
            "@",
            "/",
            "/app",
            "app/",
            "a//b",
            "docker///docker",
            "https://github.com/docker/docker",
            "docker/Docker",
            "-docker",
            "-docker/docker",
            "docker/docker-",
            "-docker.io/docker/docker",
            "docker.io/",
            "_docker/_docker",
            "app:",
            "app:t:u",
            "app: t",
            "app:-t",
            "app:.t",
            "app@",
            "app@sha256:",
            "app@sha256:ffff",
            "app@md5:ffff",
            "a...b",
            "a_.b",
            "a___b",
            ".a",
            "a.",
            "aa/asdf$$^/aa",
            "Uppercase:tag",
            "test:5000/Uppercase/lowercase:tag",
            "a b",
            "app\n",
            "caf\u{e9}",
            "\u{c9}/app",
            "x:y/app",
            "[fe80::1%eth0]:5000/app",
            "[::1:5000/app",
            "registry.:5000/app",
            "a..b/app/c",
            &long_path,
            &long_tag,
            &short,
            &upper,
            &HEX.to_uppercase(),
        ] {
            assert!(text.parse::<ImageRef>().is_err(), "{text:?}");
        }
        let message = "Postgres".parse::<ImageRef>().unwrap_err().to_string();
        assert!(message.contains("must be lowercase"), "{message}");
    }

    #[test]
    fn a_digest_pins_the_pull() {
        let digest = format!("sha256:{HEX}");
        let image: ImageRef = format!("postgres@{digest}").parse().unwrap();
        assert_eq!((image.tag(), image.digest()), (None, Some(digest.as_str())));
        assert_eq!((image.pull_name().as_str(), image.pull_tag()), ("postgres", digest.as_str()));
        assert_eq!(image.to_string(), format!("postgres@{digest}"));
        let both: ImageRef = format!("r.io/app:1@{digest}").parse().unwrap();
        assert_eq!((both.tag(), both.pull_tag()), (Some("1"), digest.as_str()));
        assert_eq!(both.to_string(), format!("r.io/app:1@{digest}"));
    }

    #[test]
    fn an_image_id_is_left_as_it_is() {
        for text in [HEX.to_owned(), format!("sha256:{HEX}")] {
            let image: ImageRef = text.parse().unwrap();
            assert!(image.is_id());
            assert_eq!((image.to_string(), image.as_str()), (text.clone(), text.as_str()));
        }
    }

    #[test]
    fn a_pull_never_asks_for_all_tags() {
        for (text, name, tag) in [
            ("postgres", "postgres", "latest"),
            ("docker.io/library/postgres:13", "postgres", "13"),
            ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        ] {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!((image.pull_name().as_str(), image.pull_tag()), (name, tag));
        }
    }

    #[test]
    fn credentials_are_looked_up_under_dockers_key() {
        for (text, key) in [
            ("postgres", DEFAULT_REGISTRY_KEY),
            ("index.docker.io/a/b", DEFAULT_REGISTRY_KEY),
            ("r.io:5000/a", "r.io:5000"),
        ] {
            assert_eq!(text.parse::<ImageRef>().unwrap().registry_key(), key);
        }
    }

    #[test]
    fn json_keeps_the_text_as_given() {
        let image: ImageRef = serde_json::from_str("\"4ab4c602aa5e\"").unwrap();
        assert_eq!(serde_json::to_string(&image).unwrap(), "\"4ab4c602aa5e\"");
    }

    proptest! {
        #[test]
        fn the_familiar_form_means_the_same_image(
            text in "([a-z0-9]{1,5}(\\.[a-zA-Z]{2,4}|:[0-9]{2,4})/)?[a-z0-9]{1,6}([._]|__|-{1,3})?[a-z0-9](/[a-z]{1,5}){0,3}(:[a-zA-Z0-9_]{1,9})?"
        ) {
            let image: ImageRef = text.parse().unwrap();
            let again: ImageRef = image.familiar().parse().unwrap();
            prop_assert_eq!((image.domain(), image.path()), (again.domain(), again.path()));
            prop_assert_eq!(image.pull_tag(), again.pull_tag());
            prop_assert_eq!(again.familiar(), image.familiar());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|[a-zA-Z0-9:/@._-]{0,80}") {
            let _ = text.parse::<ImageRef>();
        }
    }
}
