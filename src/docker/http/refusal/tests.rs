//! Tests: real texts of engines and registries, and what they mean.

use proptest::prelude::*;

use super::*;

/// Refusals of engines: kind of request, status, text, and the kind of error.
const TEXTS: &[(Call, u16, &str, ErrorKind)] = {
    use Call::{
        Archive, Attach, Container, Create, Exec, Image, Logs, Network, Other, ServiceTask, Start, Swarm,
    };
    use ErrorKind as K;
    &[
        // Docker 20.10 with runc 1.0 and 1.1.
        (
            Start,
            400,
            r#"OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "quota": executable file not found in $PATH: unknown"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/check-quota.sh": stat /bin/check-quota.sh: no such file or directory: unknown"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "a\"b` 'c": executable file not found in $PATH: unknown"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/etc/hostname/x": stat /etc/hostname/x: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no such image": executable file not found in $PATH: unknown"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/etc": permission denied: unknown"#,
            K::CommandNotExecutable,
        ),
        (
            Start,
            400,
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/etc/hostname" to rootfs at "/etc": mount /etc/hostname:/etc (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type"#,
            K::BadMount,
        ),
        (
            Start,
            400,
            r#"OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: container init caused: rootfs_linux.go:76: mounting "/x" to rootfs at "/y" caused: mount through procfd: permission denied: unknown"#,
            K::BadMount,
        ),
        (
            Start,
            400,
            r"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: open /proc/sys/net/nosuch: no such file or directory: unknown",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: unknown",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "failed to create shim task: OCI runtime create failed: runc create failed: wrong rlimit value: RLIMIT_NOSUCH: unknown",
            K::InvalidInput,
        ),
        (Start, 500, "unable to find user nosuch: no matching entries in passwd file", K::InvalidInput),
        (Start, 500, "unable to find group nosuch: no matching entries in group file", K::InvalidInput),
        (Start, 404, "network quota-net not found", K::NetworkNotFound),
        (Start, 400, "network quota-net is ambiguous (2 matches found on name)", K::InvalidInput),
        (
            Network,
            403,
            "cannot create network 17 (br-0123456789ab): conflicts with network e6 (br-0123456789ab): networks have same bridge name",
            K::NameTaken,
        ),
        (Network, 409, "network with name quota-net already exists", K::NameTaken),
        (
            Network,
            403,
            "error while removing network: network quota-net id 0c has active endpoints",
            K::WrongState,
        ),
        (Network, 404, "network quota-net not found", K::NetworkNotFound),
        (Network, 404, "No such container: nosuch", K::TaskNotFound),
        (
            Network,
            500,
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
            K::Engine,
        ),
        (Start, 404, "No such container: nosuch", K::TaskNotFound),
        (
            Start,
            500,
            "error while creating mount source path '/proc/nosuch': mkdir /proc/nosuch: no such file or directory",
            K::BadMount,
        ),
        (
            Start,
            500,
            r#"error gathering device information while adding custom device "/dev/nosuch": no such file or directory"#,
            K::InvalidInput,
        ),
        (Start, 500, r#"could not select device driver "" with capabilities: [[gpu]]"#, K::Unsupported),
        (
            Start,
            500,
            "driver failed programming external connectivity on endpoint quota (66da): Error starting userland proxy: listen tcp4 9.9.9.9:32777: bind: cannot assign requested address",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "driver failed programming external connectivity on endpoint web (66da): Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
            K::PortTaken,
        ),
        (
            Start,
            500,
            "driver failed programming external connectivity on endpoint web (66da): Bind for 0.0.0.0:80 failed: port is already allocated",
            K::PortTaken,
        ),
        (
            Start,
            500,
            "driver failed programming external connectivity on endpoint web (66da): all ports are allocated",
            K::PortTaken,
        ),
        (Start, 400, "path /a is mounted on / but it is not a shared mount", K::BadMount),
        (Start, 400, "path /a is mounted on / but it is not a shared or slave mount", K::BadMount),
        (
            Start,
            500,
            "driver failed programming external connectivity on endpoint web (66da): Error starting userland proxy: error while calling PortManager.AddPort(): cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024), or set CAP_NET_BIND_SERVICE on rootlesskit binary, or choose a larger port number (>= 1024): listen tcp4 0.0.0.0:80: bind: permission denied",
            K::Engine,
        ),
        (
            Start,
            500,
            "failed to initialize logging driver: dial tcp 127.0.0.1:1: connect: connection refused",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "failed to start shim: start failed: listen unix /run/containerd/s/0a1b: bind: address already in use: unknown",
            K::Engine,
        ),
        (Start, 500, "mkdir /var/lib/docker/overlay2/0a1b: disk quota exceeded", K::Engine),
        (
            Start,
            500,
            "symlink ../0a1b/diff /var/lib/docker/overlay2/l/XYZ: no space left on device",
            K::Engine,
        ),
        (Start, 500, "fork/exec /usr/bin/runc: permission denied", K::Engine),
        (Create, 400, "No such container: nosuch", K::TaskNotFound),
        (Create, 404, "No such image: nosuch/quota:latest", K::ImageNotFound),
        (
            Create,
            404,
            "image with reference x was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
            K::ImageNotFound,
        ),
        (
            Create,
            404,
            r#"create x: error looking up volume plugin nosuch: plugin "nosuch" not found"#,
            K::BadMount,
        ),
        (
            Create,
            400,
            r#"create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path"#,
            K::BadMount,
        ),
        (
            Create,
            500,
            r#"invalid volume specification: '/no/such:rel': invalid mount config for type "bind": invalid mount path: 'rel' mount path must be absolute"#,
            K::BadMount,
        ),
        (
            Create,
            400,
            r#"invalid mount config for type "bind": bind source path does not exist: /no/such"#,
            K::BadMount,
        ),
        (Create, 400, "Duplicate mount point: /x", K::BadMount),
        (
            Create,
            400,
            "the working directory 'rel' is invalid, it needs to be an absolute path",
            K::InvalidInput,
        ),
        (Create, 400, "Minimum memory limit allowed is 6MB", K::InvalidInput),
        (
            Create,
            400,
            "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
            K::InvalidInput,
        ),
        (Create, 400, "Unknown runtime specified nosuch", K::InvalidInput),
        (Create, 400, r#"invalid CapAdd: unknown capability: "CAP_NOSUCH""#, K::InvalidInput),
        (
            Create,
            400,
            r#"error looking up logging plugin nosuch: plugin "nosuch" not found"#,
            K::InvalidInput,
        ),
        (Create, 500, "--storage-opt is not supported", K::Unsupported),
        (
            Create,
            500,
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
            K::Unsupported,
        ),
        (
            Create,
            409,
            r#"Conflict. The container name "/quota" is already in use by container "fba1". You have to remove (or rename) that container to be able to reuse that name."#,
            K::NameTaken,
        ),
        (Create, 500, "something else", K::Engine),
        (Container, 404, "No such container: quota", K::TaskNotFound),
        (Container, 404, "Cannot kill container: nosuch: No such container: nosuch", K::TaskNotFound),
        (Logs, 500, "no container with ID 0a1b found in database: no such container", K::TaskNotFound),
        (Container, 409, "Cannot kill container: 0a1b: Container 0a1b is not running", K::WrongState),
        (Container, 409, "removal of container 0a1b is already in progress", K::WrongState),
        (Exec, 409, "Container 0a1b is not running", K::WrongState),
        (Exec, 409, "Container 0a1b is paused, unpause the container before exec", K::WrongState),
        (
            Exec,
            400,
            r#"OCI runtime exec failed: exec failed: unable to start container process: exec: "no such image": executable file not found in $PATH: unknown"#,
            K::CommandNotFound,
        ),
        (
            Exec,
            400,
            r#"OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd ("/permission denied") set in config.json failed: no such file or directory: unknown"#,
            K::InvalidInput,
        ),
        (
            Exec,
            400,
            "OCI runtime exec failed: exec failed: unable to start container process: unable to apply caps: operation not permitted: unknown",
            K::CommandNotExecutable,
        ),
        (Exec, 400, "unable to find user nosuch: no matching entries in passwd file", K::InvalidInput),
        (Logs, 409, "can not get logs from container which is dead or marked for removal", K::TaskNotFound),
        (Logs, 500, "configured logging driver does not support reading", K::Unsupported),
        (Archive, 404, "Could not find the file /no such container in container 0a1b", K::File),
        (Image, 404, "no such image: nosuch: No such image: nosuch:latest", K::ImageNotFound),
        (Other, 404, "page not found", K::Unsupported),
        (Other, 400, "Client sent an HTTP request to an HTTPS server.", K::EngineUnreachable),
        (Other, 403, "authorization denied by plugin opa: no", K::PermissionDenied),
        (
            Swarm,
            503,
            r#"This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again."#,
            K::Unsupported,
        ),
        (Swarm, 404, "service quota not found", K::TaskNotFound),
        (
            Swarm,
            409,
            "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service web already exists",
            K::NameTaken,
        ),
        (
            Swarm,
            500,
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.",
            K::EngineUnreachable,
        ),
        (Swarm, 503, "rpc error: code = Unavailable desc = connection error", K::ConnectionLost),
        (
            ServiceTask,
            500,
            r#"starting container failed: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "quota": executable file not found in $PATH: unknown"#,
            K::CommandNotFound,
        ),
        (ServiceTask, 500, "No such image: nosuch:latest", K::ImageNotFound),
        (ServiceTask, 500, "task: non-zero exit (1)", K::Engine),
        // Docker 23 to 28.
        (
            Start,
            400,
            r#"failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "quota": executable file not found in $PATH"#,
            K::CommandNotFound,
        ),
        (
            Start,
            400,
            r#"failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/usr/local/bin/entrypoint.sh": permission denied: unknown"#,
            K::CommandNotExecutable,
        ),
        (
            Start,
            400,
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec /bin/entrypoint.sh: permission denied: unknown",
            K::CommandNotExecutable,
        ),
        (
            Start,
            500,
            "failed to set up container networking: driver failed programming external connectivity on endpoint web (7a): failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use",
            K::PortTaken,
        ),
        (
            Start,
            500,
            "failed to set up container networking: driver failed programming external connectivity on endpoint web (7a): failed to bind host port 0.0.0.0:80/tcp: address already in use",
            K::PortTaken,
        ),
        (
            Start,
            404,
            "failed to set up container networking: network quota-net not found",
            K::NetworkNotFound,
        ),
        (Create, 400, "unknown or invalid runtime name: nosuch", K::InvalidInput),
        (
            Create,
            404,
            "image with reference x was found but does not provide the specified platform (linux/arm64)",
            K::ImageNotFound,
        ),
        // podman 4 and 5 with crun and runc.
        (
            Attach,
            500,
            "preparing container 0a1b for attach: runc: runc create failed: unable to start container process: exec: \"/entrypoint.sh\": permission denied: OCI permission denied",
            K::CommandNotExecutable,
        ),
        (
            Attach,
            500,
            "preparing container 0a1b for attach: runc: runc create failed: unable to start container process: exec: \"quota\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found",
            K::CommandNotFound,
        ),
        (
            Attach,
            500,
            "preparing container 0a1b for attach: cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use",
            K::PortTaken,
        ),
        (Attach, 404, "no container with name or ID \"quota\" found: no such container", K::TaskNotFound),
        (Attach, 409, "container 0a1b is paused, unpause the container before attach", K::WrongState),
        (
            Start,
            500,
            "crun: executable file `quota` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            K::CommandNotFound,
        ),
        (
            Start,
            500,
            "runc: runc create failed: unable to start container process: exec: \"quota\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found",
            K::CommandNotFound,
        ),
        (
            Start,
            500,
            "crun: open executable: Permission denied: OCI permission denied",
            K::CommandNotExecutable,
        ),
        (
            Start,
            500,
            "crun: open executable: Operation not permitted: OCI permission denied",
            K::CommandNotExecutable,
        ),
        (
            Start,
            500,
            "crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "unable to start container \"f8ac\": crun: setrlimit `RLIMIT_NPROC`: Operation not permitted: OCI permission denied",
            K::InvalidInput,
        ),
        (
            Start,
            500,
            "crun: mount `/s` to `/permission denied`: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            K::BadMount,
        ),
        (Start, 500, "crun: chdir to `/app`: Not a directory: OCI runtime error", K::InvalidInput),
        (
            Start,
            500,
            "rootlessport cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024), or choose a larger port number (>= 1024): listen tcp 0.0.0.0:80: bind: permission denied",
            K::Engine,
        ),
        (Start, 500, "rootlessport listen tcp 0.0.0.0:8080: bind: address already in use", K::PortTaken),
        (
            Start,
            500,
            "pasta failed with exit code 1:\nFailed to bind port 8080 (Address already in use) for option '-t 8080-8080:80-80', exiting\n",
            K::PortTaken,
        ),
        (Start, 500, "netavark: nftables error: nft: No such file or directory", K::Engine),
        (
            Start,
            500,
            "unable to find network with name or ID quota-net: network not found",
            K::NetworkNotFound,
        ),
        (Create, 500, "statfs /no/such: no such file or directory", K::BadMount),
        (Create, 500, "workdir \"/nosuch\" does not exist on container 0a1b", K::InvalidInput),
        (Create, 404, "quota: image not known", K::ImageNotFound),
        (
            Create,
            500,
            "creating container storage: the container name \"web\" is already in use by 0a1b. You have to remove that container to be able to reuse that name: that name is already in use",
            K::NameTaken,
        ),
        (Container, 404, "no container with name or ID \"nosuch\" found: no such container", K::TaskNotFound),
        (Container, 500, "container has already been removed", K::TaskNotFound),
        (
            Container,
            409,
            "can only kill running containers. 0a1b is in state exited: container state improper",
            K::WrongState,
        ),
        (
            Exec,
            409,
            "can only create exec sessions on running containers: container state improper",
            K::WrongState,
        ),
        (Swarm, 404, "Not Found", K::Unsupported),
        (Swarm, 500, "network nonesuch not found", K::NetworkNotFound),
        (
            Start,
            404,
            "Could not attach to network x: rpc error: code = NotFound desc = network x not found",
            K::NetworkNotFound,
        ),
        (
            Swarm,
            403,
            "The network web cannot be used with services. Only networks scoped to the swarm can be used, such as \
             those created with the overlay driver.",
            K::InvalidInput,
        ),
    ]
};

#[test]
fn an_engine_s_text_is_classed_by_call_status_and_shape() {
    for (call, status, text, kind) in TEXTS {
        let error = refusal(*call, *status, text, Engine::default());
        assert_eq!(error.kind(), *kind, "{call:?} {status} {text}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn only_docker_s_log_is_looked_for_in_docker_s_journal() {
    let hint = |server: &'static str| {
        let mut headers = hyper::header::HeaderMap::new();
        headers.insert("server", server.parse().unwrap());
        let error = refusal(Call::Start, 500, "something else", Engine::of(&headers));
        error.hint().unwrap().to_owned()
    };
    assert!(hint("Docker/28.0.0 (linux)").contains("journalctl --unit docker"));
    assert!(hint("Libpod/5.4.2 (linux)").contains("journalctl --unit podman"));
    assert!(!hint("").contains("journalctl"));
}

/// Texts of failed pulls, the kind of error, and whether to try again.
const PULLS: &[(&str, ErrorKind, bool)] = {
    use ErrorKind as K;
    &[
        ("toomanyrequests: You have reached your pull rate limit", K::RateLimited, false),
        ("toomanyrequests", K::RateLimited, false),
        (
            "manifest for toomanyrequests:latest not found: manifest unknown: manifest unknown",
            K::ImageNotFound,
            false,
        ),
        (
            "manifest for r/unauthorized:denied not found: manifest unknown: manifest unknown",
            K::ImageNotFound,
            false,
        ),
        ("unauthorized: authentication required", K::RegistryAuth, false),
        ("Get \"http://r/v2/\": no basic auth credentials", K::RegistryAuth, false),
        ("Head \"https://ghcr.io/v2/x/manifests/t\": denied", K::RegistryAuth, false),
        ("denied: requested access to the resource is denied", K::RegistryAuth, false),
        (
            "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            K::ImageNotFound,
            false,
        ),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", K::ImageNotFound, false),
        (
            "failed to resolve reference \"docker.io/library/x:1\": docker.io/library/x:1: not found",
            K::ImageNotFound,
            false,
        ),
        (
            "failed to resolve reference \"r:5000/x:1\": unexpected status from HEAD request to http://r:5000/v2/x/manifests/1: 503 Service Unavailable",
            K::RegistryFailed,
            true,
        ),
        ("received unexpected HTTP status: 500 Internal Server Error", K::RegistryFailed, true),
        ("Get \"https://r/v2/\": dial tcp: lookup r: no such host", K::RegistryFailed, true),
        ("Get \"https://r/v2/\": dial tcp 10.0.0.1:443: i/o timeout", K::RegistryFailed, true),
        (
            "Get \"https://r/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            K::RegistryFailed,
            true,
        ),
        ("read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer", K::RegistryFailed, true),
        ("unexpected EOF", K::RegistryFailed, true),
        ("filesystem layer verification failed for digest sha256:aa", K::RegistryFailed, true),
        ("Get \"https://r/v2/\": x509: certificate signed by unknown authority", K::RegistryFailed, false),
        (
            "Get \"https://r/v2/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z",
            K::RegistryFailed,
            false,
        ),
        (
            "Get \"https://r:5000/v2/\": http: server gave HTTP response to HTTPS client",
            K::RegistryFailed,
            false,
        ),
        ("failed to register layer: disk quota exceeded", K::Engine, false),
        ("failed to register layer: write /x: unexpected EOF", K::Engine, false),
        (
            "failed to register layer: Error processing tar file(exit status 1): no space left on device",
            K::Engine,
            false,
        ),
        ("something nobody has said before", K::RegistryFailed, false),
        ("invalid reference format", K::InvalidInput, false),
        (
            "initializing source docker://quay.io/x:latest: reading manifest latest in quay.io/x: unauthorized: access to the requested resource is not authorized",
            K::RegistryAuth,
            false,
        ),
        (
            "initializing source docker://r/x:latest: pinging container registry r: Get \"https://r/v2/\": dial tcp 10.0.0.1:443: connect: connection refused",
            K::RegistryFailed,
            true,
        ),
        (
            "short-name \"x\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"",
            K::ImageNotFound,
            false,
        ),
        (
            "choosing an image from manifest list docker://r/x:1: no image found in image index for architecture \"arm64\", variant \"v8\", OS \"linux\"",
            K::ImageNotFound,
            false,
        ),
    ]
};

#[test]
fn a_registry_s_text_decides_the_kind_of_a_failed_pull_and_whether_it_is_tried_again() {
    for (text, kind, passes) in PULLS {
        let error = pull::failed(None, text);
        assert_eq!((error.kind(), pull::may_pass(&error)), (*kind, *passes), "{text}");
    }
    assert_eq!(pull::failed(Some(404), "no words").kind(), ErrorKind::ImageNotFound);
}

proptest! {
    /// Any name of a command, quoted as Go does: the error is still "command not found".
    #[test]
    fn no_name_of_a_command_changes_the_kind(word in "[ -~]{1,40}") {
        let quoted = format!("{word:?}");
        let path = word.replace(['"', '\'', '`'], "");
        let text = format!("OCI runtime create failed: runc create failed: unable to start container process: exec: {quoted}: stat {path}: no such file or directory: unknown");
        let error = refusal(Call::Start, 400, &text, Engine::default());
        prop_assert_eq!(error.kind(), ErrorKind::CommandNotFound, "{}", text);
    }
}

#[test]
fn texts_of_other_errors_in_a_command_s_name_do_not_count() {
    for (_, _, other, _) in TEXTS {
        let text = format!("OCI runtime create failed: exec: {other:?}: permission denied: unknown");
        let error = refusal(Call::Start, 400, &text, Engine::default());
        assert_eq!(error.kind(), ErrorKind::CommandNotExecutable, "{text}");
    }
}

#[test]
fn control_characters_and_excess_do_not_reach_the_user() {
    let text = printable(&format!("\x1b[2Jevil\n{}", "x".repeat(10_000_000)));
    assert!(text.chars().count() <= printable::LONGEST_TEXT + 1);
    assert!(!text.contains('\x1b') && !text.contains('\n'));
}
