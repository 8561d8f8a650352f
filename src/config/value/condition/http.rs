//! `http=PORT/path[,status=200-299][,body=REGEX][,insecure]`: the answer that makes a task ready.

use std::fmt;

use regex_lite::Regex;

/// A request to a published port, and the expected answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCondition {
    /// Whether to use TLS (`https`).
    pub tls: bool,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The container's port.
    pub port: u16,
    /// The path, with its leading slash.
    pub path: String,
    /// The lowest and the highest status; 200 to 399 if left out.
    pub status: Option<(u16, u16)>,
    /// A regular expression, in the syntax of the crate `regex-lite`, that the body must match somewhere in its first
    /// MiB.
    pub body: Option<String>,
}

/// How each option begins.
const STATUS: &str = ",status=";
const BODY: &str = ",body=";
const INSECURE: &str = ",insecure";

impl HttpCondition {
    /// Reads the text after `http=` or `https=`. A comma belongs to the path or expression unless an option follows it.
    ///
    /// # Errors
    /// The reason, for a message.
    pub(crate) fn parse(tls: bool, text: &str) -> Result<Self, String> {
        let (target, mut options) = text.split_at(next_option(text).unwrap_or(text.len()));
        let (port, path) = match target.find('/') {
            Some(slash) => target.split_at(slash),
            None => (target, "/"),
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or("not a port")?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the path holds a character that must be percent-encoded".to_owned());
        }
        let mut condition =
            Self { tls, insecure: false, port, path: path.to_owned(), status: None, body: None };
        while !options.is_empty() {
            let after = options.get(1..).unwrap_or_default();
            let end = next_option(after).map_or(options.len(), |end| end + 1);
            let (option, rest) = options.split_at(end);
            condition.set(option)?;
            options = rest;
        }
        Ok(condition)
    }

    fn set(&mut self, option: &str) -> Result<(), String> {
        if let Some(range) = option.strip_prefix(STATUS) {
            self.status = Some(status(range).ok_or("not a status, such as 200 or 200-299")?);
        } else if let Some(pattern) = option.strip_prefix(BODY) {
            if pattern.is_empty() {
                return Err("the regular expression is missing".to_owned());
            }
            Regex::new(pattern).map_err(|error| error.to_string())?;
            self.body = Some(pattern.to_owned());
        } else {
            self.insecure = true;
        }
        Ok(())
    }

    /// Whether an answer with this status is accepted.
    #[must_use]
    pub fn takes(&self, status: u16) -> bool {
        let (lowest, highest) = self.status.unwrap_or((200, 399));
        (lowest..=highest).contains(&status)
    }
}

/// Where the next option begins.
fn next_option(text: &str) -> Option<usize> {
    text.match_indices(',').map(|(at, _)| at).find(|at| {
        let option = text.get(*at..).unwrap_or_default();
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(',');
        option.starts_with(STATUS)
            || option.starts_with(BODY)
            || option.strip_prefix(INSECURE).is_some_and(ends)
    })
}

fn status(text: &str) -> Option<(u16, u16)> {
    let (lowest, highest) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
    let (lowest, highest) = (number(lowest)?, number(highest)?);
    (lowest <= highest).then_some((lowest, highest))
}

impl fmt::Display for HttpCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}={}{}", if self.tls { "s" } else { "" }, self.port, self.path)?;
        match self.status {
            Some((lowest, highest)) if lowest == highest => write!(f, "{STATUS}{lowest}")?,
            Some((lowest, highest)) => write!(f, "{STATUS}{lowest}-{highest}")?,
            None => {}
        }
        if let Some(body) = &self.body {
            write!(f, "{BODY}{body}")?;
        }
        f.write_str(if self.insecure { INSECURE } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_any_order_and_other_commas_are_kept() {
        let read = HttpCondition::parse(true, "443/a,b?c=d,insecurely,insecure,body=x{1,2},y,status=200-204");
        let read = read.unwrap();
        assert_eq!(read.path, "/a,b?c=d,insecurely");
        assert_eq!(
            (read.insecure, read.status, read.body.as_deref()),
            (true, Some((200, 204)), Some("x{1,2},y"))
        );
        assert_eq!(read.to_string(), "https=443/a,b?c=d,insecurely,status=200-204,body=x{1,2},y,insecure");
        assert_eq!(
            HttpCondition::parse(true, "443/a,b?c=d,insecurely,insecure,body=x{1,2},y,status=200-204"),
            Ok(read)
        );
    }

    #[test]
    fn without_a_status_success_and_redirection_are_accepted() {
        let usual = HttpCondition::parse(false, "80").unwrap();
        let one = HttpCondition::parse(false, "80/,status=401").unwrap();
        for (status, by_default, alone) in
            [(199, false, false), (200, true, false), (399, true, false), (401, false, true)]
        {
            assert_eq!((usual.takes(status), one.takes(status)), (by_default, alone), "{status}");
        }
    }
}
