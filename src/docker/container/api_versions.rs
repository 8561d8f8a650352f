//! The API versions that support each config field. An older engine ignores such a field silently, so cube refuses it
//! before anything is made.
//!
//! The source is the version history of the engine's API. `bind-recursive=writable` is not in the table: an engine that
//! does not know it behaves like that anyway.

use crate::{
    config::{
        Config,
        value::mount::full::{FullMount, MountKind},
    },
    docker::http::version::Engine,
    error::{Error, ErrorKind, Origin},
};

/// A field that not every engine supports.
pub(crate) struct Field {
    /// The flag, as it is written.
    pub flag: &'static str,
    /// The first API version that supports it.
    pub since: (u32, u32),
    /// The first API version that no longer supports it.
    pub until: Option<(u32, u32)>,
    is_set: fn(&Config) -> bool,
    /// What to do instead.
    hint: &'static str,
}

const fn field(
    flag: &'static str,
    since: (u32, u32),
    is_set: fn(&Config) -> bool,
    hint: &'static str,
) -> Field {
    Field { flag, since, until: None, is_set, hint }
}

/// All entries.
pub(crate) const FIELDS: [Field; 13] = [
    field("--gpus", (1, 40), |c| !c.security.gpus.is_empty(), "name the devices by --device"),
    field(
        "--mount …,bind-recursive=disabled",
        (1, 40),
        |c| any_mount(c, |m| m.bind.non_recursive),
        "leave it out",
    ),
    field(
        "--platform",
        (1, 41),
        |c| c.platform.is_some(),
        "pull the image by `cube pull --platform`, then run it",
    ),
    field("--cgroupns", (1, 41), |c| is_given(c.security.cgroupns.as_ref()), "leave it out"),
    field("--annotation", (1, 43), |c| !c.annotation.is_empty(), "use --label if no runtime is to read it"),
    field(
        "--health-start-interval",
        (1, 44),
        |c| c.health.start_interval.is_some_and(|interval| !interval.is_zero()),
        "use a shorter --health-interval",
    ),
    field(
        "--mount …,bind-recursive=readonly",
        (1, 44),
        |c| any_mount(c, |m| m.bind.read_only_force_recursive),
        "mount what lies below it on its own, with readonly",
    ),
    field(
        "--network …,mac-address= on a further network",
        (1, 44),
        |c| c.network.networks.iter().skip(1).any(|network| network.mac_address.is_some()),
        "give the first --network the hardware address",
    ),
    field(
        "--mount …,volume-subpath=",
        (1, 45),
        |c| any_mount(c, |m| m.volume.as_ref().is_some_and(|volume| !volume.subpath.is_empty())),
        "mount the whole volume, and name the folder in the task",
    ),
    field(
        "--mount type=image",
        (1, 48),
        |c| any_mount(c, |m| m.kind == MountKind::Image),
        "copy the image's files into a volume, and mount that",
    ),
    field(
        "--mount …,image-subpath=",
        (1, 48),
        |c| any_mount(c, |m| m.image_subpath.is_some()),
        "copy the image's files into a volume, and mount that",
    ),
    field(
        "--network …,gw-priority=",
        (1, 48),
        |c| c.network.networks.iter().any(|network| network.gw_priority != 0),
        "join the network that is to be the way out alone, or name it first",
    ),
    Field {
        until: Some((1, 42)),
        ..field(
            "--kernel-memory",
            (1, 21),
            |c| c.limits.kernel_memory.is_some_and(|size| size.bytes() > 0),
            "leave it out: --memory counts the kernel's memory too",
        )
    },
];

fn any_mount(config: &Config, is: fn(&FullMount) -> bool) -> bool {
    config.storage.mount.iter().any(is)
}

fn is_given(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Whether the config has a field that depends on the engine's version.
pub(crate) fn matter_to(config: &Config) -> bool {
    let network = &config.network;
    let has_mac = network.joined().iter().any(|network| network.mac_address.is_some());
    has_mac || network.networks.len() > 1 || FIELDS.iter().any(|field| (field.is_set)(config))
}

/// Refuses fields that this engine does not support.
pub(crate) fn check(config: &Config, engine: Engine) -> Result<(), Error> {
    let is_unknown = |field: &&Field| {
        engine.is_below(field.since) || field.until.is_some_and(|until| engine.api() >= until)
    };
    match FIELDS.iter().filter(is_unknown).find(|field| (field.is_set)(config)) {
        Some(field) => Err(refused(field, engine)),
        None => Ok(()),
    }
}

fn refused(field: &Field, engine: Engine) -> Error {
    let version = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let known = match field.until {
        Some(until) => format!("below API {}", version(until)),
        None => format!("from API {} on", version(field.since)),
    };
    let message = format!(
        "the engine does not know {}: it is known {known}, and this engine has {}",
        field.flag,
        version(engine.api())
    );
    Error::new(ErrorKind::Unsupported, message).with_origin(Origin::Engine).with_hint(field.hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap()
    }

    /// A config for each entry of the table, in the same order.
    const SET: [&str; 13] = [
        r#"{"gpus":["all"]}"#,
        r#"{"mount":["type=bind,source=/a,target=/b,bind-recursive=disabled"]}"#,
        r#"{"platform":"linux/amd64"}"#,
        r#"{"cgroupns":"host"}"#,
        r#"{"annotation":{"a":"b"}}"#,
        r#"{"health":{"start_interval":"1s"}}"#,
        r#"{"mount":["type=bind,source=/a,target=/b,ro,bind-recursive=readonly,bind-propagation=rprivate"]}"#,
        r#"{"network":["a","name=b,mac-address=92:d0:c6:0a:29:33"]}"#,
        r#"{"mount":["source=a,target=/b,volume-subpath=c"]}"#,
        r#"{"mount":["type=image,source=a,target=/b"]}"#,
        r#"{"mount":["type=image,source=a,target=/b,image-subpath=c"]}"#,
        r#"{"network":"name=a,gw-priority=1"}"#,
        r#"{"kernel_memory":"8m"}"#,
    ];

    #[test]
    fn each_line_of_the_table_is_refused_by_an_engine_that_does_not_know_it() {
        for (field, json) in FIELDS.iter().zip(SET) {
            let config = config(json);
            assert!((field.is_set)(&config) && matter_to(&config), "{json}");
            let (major, minor) = field.since;
            let refuses = |api| check(&config, Engine::with_api(api)).is_err();
            assert!(refuses((major, minor - 1)) && !refuses(field.since), "{json}");
            assert_eq!(refuses((1, 60)), field.until.is_some(), "{json}");
            assert!(
                !refuses((0, 0)) || field.until.is_some(),
                "an engine that says nothing is asked: {json}"
            );
            let error = check(&config, Engine::with_api((1, 20))).unwrap_err();
            assert!(error.kind() == ErrorKind::Unsupported && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn fields_that_every_engine_supports_are_accepted() {
        let plain = config(r#"{"network":"a","mount":["type=bind,source=/a,target=/b"],"memory":"1g"}"#);
        assert!(!matter_to(&plain) && check(&plain, Engine::with_api((1, 20))).is_ok());
        assert!(matter_to(&config(r#"{"mac_address":"92:d0:c6:0a:29:33"}"#)));
        assert!(matter_to(&config(r#"{"network":["a","b"]}"#)));
    }
}
