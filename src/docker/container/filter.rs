//! Conditions on a list of tasks, as `docker ps --filter` takes them.

use std::str::FromStr;

use crate::{
    docker::{
        http::query::filters,
        labels::{LabelMap, TASK_ID},
    },
    error::Error,
};

/// A condition on the tasks of a list: `status=exited`, `ancestor=IMAGE`, `label=NAME[=VALUE]`, `name=PART`,
/// `id=PREFIX`, `health=healthy`; `state` and `image` are aliases of `status` and `ancestor`. Of several conditions
/// with one key, one must hold; of several labels, all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFilter {
    key: &'static str,
    value: String,
}

const KEYS: [(&str, &str); 8] = [
    ("status", "status"),
    ("state", "status"),
    ("ancestor", "ancestor"),
    ("image", "ancestor"),
    ("label", "label"),
    ("name", "name"),
    ("id", "id"),
    ("health", "health"),
];
const STATES: [&str; 7] = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const HEALTH: [&str; 4] = ["starting", "healthy", "unhealthy", "none"];

impl FromStr for ListFilter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str, hint: &str| Err(Error::invalid("filter", text, why).with_hint(hint));
        let Some((key, value)) = text.split_once('=') else {
            return invalid("there is no `=`", "write --filter status=exited");
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == key) else {
            return invalid("no such key", "the keys are status, ancestor, label, name, id and health");
        };
        let value = match *key {
            "status" | "health" => value.to_ascii_lowercase(),
            _ => value.to_owned(),
        };
        match *key {
            "status" if !STATES.contains(&value.as_str()) => {
                invalid("no such status", &format!("it is one of {}", STATES.join(", ")))
            }
            "health" if !HEALTH.contains(&value.as_str()) => {
                invalid("no such health", &format!("it is one of {}", HEALTH.join(", ")))
            }
            _ => Ok(Self { key, value }),
        }
    }
}

/// The filters in the engine's syntax, with the label that selects cube's own tasks.
pub(crate) fn in_engines_words(own: &[ListFilter]) -> String {
    let own = own.iter().map(|filter| (filter.key, filter.value.as_str()));
    filters([("label", TASK_ID)].into_iter().chain(own))
}

/// Whether the labels contain `name`, with `value` if that is given.
pub(crate) fn has_label(labels: &LabelMap, name: &str, value: Option<&str>) -> bool {
    labels.get(name).is_some_and(|found| value.is_none_or(|value| value == found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_as_docker_reads_it() {
        for (text, key, value) in [
            ("status=exited", "status", "exited"),
            ("State=RUNNING", "status", "running"),
            ("image=a:b", "ancestor", "a:b"),
            ("label=a=b", "label", "a=b"),
            ("name=/x", "name", "/x"),
            ("health=none", "health", "none"),
        ] {
            assert_eq!(
                text.parse::<ListFilter>().unwrap(),
                ListFilter { key, value: value.to_owned() },
                "{text}"
            );
        }
        for text in ["status", "status=gone", "health=ill", "volume=x", "=x", ""] {
            assert!(text.parse::<ListFilter>().is_err(), "{text}");
        }
    }

    #[test]
    fn cubes_own_label_is_always_asked_for() {
        let filters: Vec<ListFilter> =
            ["name=a&b\"", "label=x=ü"].iter().map(|f| f.parse().unwrap()).collect();
        assert_eq!(in_engines_words(&filters), r#"{"label":["cube.task.id","x=ü"],"name":["a&b\""]}"#);
    }
}
