//! The values of the command line: what is printed is read again as the same.

use std::{
    fmt::{Debug, Display},
    path::Path,
    str::FromStr,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    config::value::{
        condition::{Condition, fail_on::FailOn},
        copy::{CopyIn, CopyOut},
        device::{
            Device,
            gpus::GpuRequest,
            rate::{ByteRate, DeviceWeight, OperationRate},
        },
        duration,
        env::EnvVar,
        image::{ImageRef, platform::Platform, pull::PullPolicy},
        label::parse_label,
        mount::{Mount, full::FullMount, tmpfs::Tmpfs},
        name::{Name, TaskRef},
        network::{NetworkAttachment, host_entry::HostEntry},
        port::{HostPort, Port, PortMapping},
        restart::RestartPolicy,
        signal::Signal,
        size::{Cpus, Size, SwapLimit},
        ulimit::Ulimit,
    },
    error::Error,
};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check_amounts(text);
    check_files(text);
    check_networks(text);
    check_others(text);
}

fn check_amounts(text: &str) {
    printed::<Size>(text);
    printed::<SwapLimit>(text);
    printed::<Cpus>(text);
    printed::<Ulimit>(text);
    printed::<ByteRate>(text);
    printed::<OperationRate>(text);
    printed::<DeviceWeight>(text);
    printed::<GpuRequest>(text);
    if let Ok(read) = duration::parse(text) {
        let shown = duration::format(read);
        assert_eq!(duration::parse(&shown).unwrap(), read, "{shown:?}");
        assert_eq!(duration::parse_go(&shown), Some(read), "{shown:?}");
    }
}

fn check_files(text: &str) {
    printed::<CopyIn>(text);
    printed::<CopyOut>(text);
    printed::<Mount>(text);
    printed::<FullMount>(text);
    printed::<Tmpfs>(text);
    printed::<Device>(text);
    let here = Path::new("/here");
    if let Ok(mount) = Mount::parse(text, here) {
        assert_eq!(Mount::parse(&mount.to_string(), here).unwrap(), mount);
        assert!(mount.target().starts_with('/') && mount.bind().is_some() != mount.anonymous().is_some());
    }
    if let Ok(mount) = FullMount::parse(text, here) {
        assert_eq!(FullMount::parse(&mount.to_string(), here).unwrap(), mount, "{mount}");
    }
}

fn check_networks(text: &str) {
    printed::<NetworkAttachment>(text);
    printed::<HostEntry>(text);
    printed::<Port>(text);
    printed::<HostPort>(text);
    printed::<PortMapping>(text);
    for mapping in PortMapping::parse_spec(text).unwrap_or_default() {
        assert_eq!(mapping.to_string().parse::<PortMapping>().unwrap(), mapping);
    }
    for port in Port::parse_expose(text).unwrap_or_default() {
        assert_eq!(port.to_string().parse::<Port>().unwrap(), port);
    }
}

fn check_others(text: &str) {
    printed::<Condition>(text);
    printed::<FailOn>(text);
    printed::<Platform>(text);
    printed::<PullPolicy>(text);
    printed::<Name>(text);
    printed::<TaskRef>(text);
    printed::<RestartPolicy>(text);
    printed::<Signal>(text);
    if let Ok(image) = text.parse::<ImageRef>() {
        // Printed with the tag that is meant where none was given.
        let shown = image.to_string();
        assert_eq!(shown.parse::<ImageRef>().unwrap().to_string(), shown);
    }
    if let Ok(variable) = text.parse::<EnvVar>() {
        assert_eq!(variable.to_engine(), text);
    }
    if let Ok((name, value)) = parse_label(text) {
        assert_eq!(parse_label(&format!("{name}={value}")).unwrap(), (name, value));
    }
}

/// Reads a value; it prints and serializes as what is read as the same. An error has a hint.
fn printed<T>(text: &str)
where
    T: FromStr<Err = Error> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    match text.parse::<T>() {
        Ok(value) => {
            let shown = value.to_string();
            assert_eq!(shown.parse::<T>().as_ref().ok(), Some(&value), "{shown:?} from {text:?}");
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<T>(&json).ok(), Some(value), "{json} from {text:?}");
        }
        Err(error) => assert!(error.hint().is_some(), "{error}"),
    }
}
