//! Shell scripts that replace other programs in tests.

use std::{path::Path, process::Command};

/// Makes `file` an executable shell script. Another process writes it: if this process did, a child that another test
/// starts could inherit the open file, and running the script would fail with "text file busy".
pub(crate) fn write(file: &Path, script: &str) {
    let command = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    let status = Command::new("sh").args(["-c", command]).arg(file).arg(script).status().unwrap();
    assert!(status.success());
}
