//! Tests: the command line of ssh for an address.

use crate::docker::http::dial::ssh::*;

fn arguments_for(address: &str) -> String {
    arguments(&address.parse().unwrap()).join(" ")
}

#[test]
fn ssh_is_called_as_the_docker_cli_calls_it() {
    let options = "-o ConnectTimeout=30 -o BatchMode=yes -T";
    assert_eq!(arguments_for("ssh://ci"), format!("{options} -- ci docker system dial-stdio"));
    assert_eq!(
        arguments_for("ssh://me@ci:2222/run/x.sock"),
        format!("{options} -l me -p 2222 -- ci docker --host='unix:///run/x.sock' system dial-stdio")
    );
}

#[test]
fn the_remote_shell_sees_a_path_as_one_word() {
    assert!(arguments_for("ssh://ci/a;b'c$(d)").contains(r"--host='unix:///a;b'\''c$(d)' system"));
}
