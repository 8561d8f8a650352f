//! Docker's contexts, and the addresses of engines that they and the user name.

use crate::address::{
    Address,
    context::{ContextConfig, Meta, parse},
};

pub(crate) fn check(bytes: &[u8]) {
    let file = std::path::Path::new("meta.json");
    for error in [parse::<ContextConfig>(file, bytes).err(), parse::<Meta>(file, bytes).err()] {
        // Where it is wrong, and nothing of what it holds.
        assert!(error.is_none_or(|error| error.to_string().len() < 80));
    }
    if let Ok(meta) = parse::<Meta>(file, bytes) {
        meta.host().into_iter().for_each(check_address);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_address(text);
    }
}

fn check_address(text: &str) {
    let Ok(address) = text.parse::<Address>() else { return };
    let printed = address.to_string();
    assert_eq!(printed.parse::<Address>().unwrap(), address, "{printed:?}");
    assert!(!printed.chars().any(char::is_control), "{printed:?}");
    let words = match &address {
        Address::Unix(_) => vec![],
        Address::Tcp { host, .. } => vec![host],
        Address::Ssh { user, host, .. } => user.iter().chain([host]).collect(),
    };
    assert!(words.iter().all(|word| !word.is_empty() && !word.starts_with('-')), "{address:?}");
}
