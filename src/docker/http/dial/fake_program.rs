//! Scripts that stand for other programs in tests.

use std::{path::Path, process::Command};

/// Makes `file` an executable shell script. A process of its own writes it: a descriptor of this
/// one could live on in a child that another test starts, and the script would be "busy".
pub(crate) fn write(file: &Path, script: &str) {
    let command = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    let status = Command::new("sh").args(["-c", command]).arg(file).arg(script).status().unwrap();
    assert!(status.success());
}
