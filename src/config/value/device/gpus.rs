//! GPUs for a task: the values of `--gpus`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{
    config::{csv, text::text_serde},
    error::Error,
};

/// A request for GPUs: `all`, a number, or fields such as `"device=0,1",capabilities=utility`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GpuRequest {
    text: String,
    driver: String,
    count: i64,
    devices: Option<Vec<String>>,
    capabilities: Vec<String>,
    options: BTreeMap<String, String>,
}

impl GpuRequest {
    /// The driver; empty for the engine's own choice.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// The number of GPUs; -1 means all.
    #[must_use]
    pub const fn count(&self) -> i64 {
        self.count
    }

    /// The GPUs by id or index; `None` if a number is requested.
    #[must_use]
    pub fn devices(&self) -> Option<&[String]> {
        self.devices.as_deref()
    }

    /// The capabilities that they must have, including `gpu`.
    #[must_use]
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Options of the driver.
    #[must_use]
    pub const fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}

impl fmt::Display for GpuRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for GpuRequest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|reason| {
            Error::invalid("request for GPUs", text, reason)
                .with_hint("write --gpus all, a number, or '\"device=0,1\"'; the keys are count, device, driver, capabilities and options")
        })
    }
}

fn parse(text: &str) -> Result<GpuRequest, String> {
    let mut request = GpuRequest {
        text: text.to_owned(),
        driver: String::new(),
        count: 0,
        devices: None,
        capabilities: vec!["gpu".to_owned()],
        options: BTreeMap::new(),
    };
    let (mut seen, mut counted) = (Vec::new(), false);
    for field in csv::split(text)? {
        let (key, value) = field.split_once('=').map_or((field.as_str(), None), |(key, v)| (key, Some(v)));
        if seen.iter().any(|other| other == key) {
            return Err(format!("{key:?} is given twice"));
        }
        seen.push(key.to_owned());
        match (key, value) {
            (count, None) | ("count", Some(count)) => (request.count, counted) = (parse_count(count)?, true),
            ("driver", Some(driver)) => driver.clone_into(&mut request.driver),
            ("device", Some(ids)) => request.devices = Some(words(ids)),
            ("capabilities", Some(names)) => {
                request.capabilities = words(names).into_iter().chain(["gpu".to_owned()]).collect();
            }
            ("options", Some(options)) => request.options = parse_options(options)?,
            _ => return Err(format!("there is no key {key:?}")),
        }
    }
    if !counted && request.devices.is_none() {
        request.count = 1;
    }
    Ok(request)
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn parse_count(text: &str) -> Result<i64, String> {
    match text {
        "all" => Ok(-1),
        number => number.parse().map_err(|_| format!("{number:?} is neither `all` nor a whole number")),
    }
}

fn parse_options(text: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let pair = |field: String| match field.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (field, String::new()),
    };
    let mut options = BTreeMap::new();
    options.extend(csv::split(text)?.into_iter().map(pair));
    Ok(options)
}

text_serde!(GpuRequest, "a request for GPUs");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_docker_reads_them() {
        let read = |text: &str| text.parse::<GpuRequest>().unwrap();
        for (text, count) in [
            ("all", -1),
            ("-1", -1),
            ("2", 2),
            ("count=all", -1),
            ("count=3", 3),
            ("driver=nvidia", 1),
            ("device=0", 0),
        ] {
            assert_eq!(read(text).count(), count, "{text}");
        }
        let request =
            read(r#""device=0,GPU-5","capabilities=compute,utility",driver=nvidia,"options=a=1,b""#);
        assert_eq!(request.devices().unwrap(), ["0", "GPU-5"]);
        assert_eq!(request.capabilities(), ["compute", "utility", "gpu"]);
        assert_eq!(
            (request.driver(), request.options()["a"].as_str(), request.options()["b"].as_str()),
            ("nvidia", "1", "")
        );
        assert_eq!(read("all").capabilities(), ["gpu"]);
        for text in ["", "x", "count=x", "foo=1", "count=1,count=2", r#""device=0"#, "1.5"] {
            assert!(text.parse::<GpuRequest>().unwrap_err().hint().is_some(), "{text}");
        }
    }
}
