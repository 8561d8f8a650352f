//! The files of `--env-file` and `--label-file`.

use crate::config::{
    key_value_file::parse,
    value::{env::EnvVar, label::parse_label_file},
};

pub(crate) fn check(bytes: &[u8]) {
    let pairs = match parse("f", bytes) {
        Ok(pairs) => pairs,
        Err(error) => {
            // The number of a line and a reason, and nothing of the line.
            let text = error.to_string();
            assert!(text.len() < 80 && text.starts_with("invalid line "), "{text}");
            assert!(EnvVar::parse_file("f", bytes, &|_| None).is_err());
            return;
        }
    };
    // As Windows ends lines: a value may end with the first half of that.
    let line = |(name, value): &(&str, Option<&str>)| match value {
        Some(value) => format!("{name}={value}\r\n"),
        None => format!("{name}\r\n"),
    };
    let written: String = pairs.iter().map(line).collect();
    // A mark that stands at the beginning of a file only is none elsewhere.
    if !written.starts_with('\u{feff}') {
        assert_eq!(parse("f", written.as_bytes()).unwrap(), pairs);
    }
    let variables = EnvVar::parse_file("f", bytes, &|_| Some("given".to_owned())).unwrap();
    assert!(variables.iter().map(EnvVar::name).eq(pairs.iter().map(|(name, _)| *name)));
    for (variable, (_, value)) in variables.iter().zip(&pairs) {
        assert_eq!(variable.value(), Some(value.unwrap_or("given")));
        assert_eq!(variable.to_engine().parse::<EnvVar>().unwrap(), *variable);
    }
    let labels = parse_label_file("f", bytes).unwrap();
    assert_eq!(labels.len(), pairs.iter().filter(|(_, value)| value.is_some()).count());
}
