//! Predicates for the texts of Docker 20.10 to 28, podman 4 and 5, and their runtimes runc and crun. Quoted parts may
//! come from the user, so they are removed before the text is searched.

/// Suffixes that engines append after the cause of a failure, innermost first: containerd's, podman's and Docker's.
const TAILS: [&str; 8] = [
    ": unknown",
    ": oci permission denied",
    ": oci runtime permission denied error",
    ": oci runtime attempted to invoke a command that was not found",
    ": oci runtime command not found error",
    ": oci not found",
    ": oci runtime error",
    ".",
];
/// Docker's own guess at the cause of "not a directory".
const GUESS: &str = ": are you trying to mount a directory onto a file";
/// The quotation marks in engines' texts.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// An engine's text in lower case, without the quoted parts and without meaningless suffixes.
#[derive(Debug)]
pub(crate) struct EngineText(String);

impl EngineText {
    pub(crate) fn of(message: &str) -> Self {
        let text = unquoted(message.trim()).to_lowercase();
        let mut core = text.split(GUESS).next().unwrap_or_default();
        while let Some(shorter) = TAILS.iter().find_map(|tail| core.strip_suffix(tail)) {
            core = shorter;
        }
        Self(core.to_owned())
    }

    /// Whether the text contains `phrase`, which must have several words, so that no name or path of the user contains
    /// it.
    fn has(&self, phrase: &str) -> bool {
        self.0.contains(phrase)
    }

    fn has_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.has(phrase))
    }

    /// Whether the text, or one of the causes in it, begins with `phrase`.
    fn begins(&self, phrase: &str) -> bool {
        self.0.starts_with(phrase) || self.0.contains(&format!(": {phrase}"))
    }

    /// Whether the last cause in the text is one of these.
    fn ends(&self, causes: &[&str]) -> bool {
        ends(&self.0, causes)
    }

    /// runc's reason why it could not execute the command.
    fn of_command(&self) -> Option<&str> {
        let quoted = self.0.split_once("exec: \"\": ").map(|(_, rest)| rest);
        let bare = || self.0.split_once("container process: exec /").map(|(_, rest)| rest);
        quoted.or_else(bare)
    }

    pub(crate) fn is_command_not_found(&self) -> bool {
        let causes = ["executable file not found in $path", "no such file or directory", "not a directory"];
        self.of_command().is_some_and(|cause| ends(cause, &causes))
            || self.has("executable file `` not found")
            || self.has("exec container process") && self.ends(&["no such file or directory"])
            || self.has("the system cannot find the file specified")
    }

    pub(crate) fn is_command_not_executable(&self) -> bool {
        let causes = ["permission denied", "operation not permitted", "is a directory", "exec format error"];
        self.of_command().is_some_and(|cause| ends(cause, &causes))
            || self.has_any(&["open executable: ", "exec container process "]) && self.ends(&causes)
    }

    pub(crate) fn is_unusable_workdir(&self) -> bool {
        self.has_any(&["chdir to cwd (\"\")", "the working directory '' is invalid", "chdir to ``:"])
            || self.has("workdir \"\" does not exist")
            || self.begins("cwd must be an absolute path")
            || self.begins("chdir: ")
    }

    pub(crate) fn is_unknown_user(&self) -> bool {
        self.begins("unable to find user ") || self.begins("unable to find group ")
    }

    pub(crate) fn is_no_command(&self) -> bool {
        self.has_any(&["no command specified", "no command or entrypoint provided"])
    }

    /// A host port cannot be bound.
    fn is_about_a_port(&self) -> bool {
        self.has_any(&["listen tcp", "listen udp", "listen sctp", "bind for ", "failed to bind host port"])
            || self.has_any(&["failed to bind port ", "ports are not available", "expose privileged port"])
    }

    pub(crate) fn is_port_taken(&self) -> bool {
        let causes = ["port is already allocated", "address already in use", "ports are not available"];
        self.is_about_a_port() && self.has_any(&causes) || self.ends(&["all ports are allocated"])
    }

    pub(crate) fn is_privileged_port(&self) -> bool {
        self.is_about_a_port() && self.has("permission denied")
    }

    pub(crate) fn is_no_address_of_the_engine(&self) -> bool {
        self.is_about_a_port() && self.has("cannot assign requested address")
    }

    pub(crate) fn is_network_not_found(&self) -> bool {
        // A manager asks its swarm too, and quotes that answer.
        let is_named = self.begins("network ") || self.has(" desc = network ");
        is_named && self.ends(&["not found"]) || self.begins("unable to find network with name or id ")
    }

    /// A service is to join a network of one engine alone.
    pub(crate) fn is_network_of_one_engine(&self) -> bool {
        self.begins("the network ") && self.has("cannot be used with services")
    }

    /// Before API 1.44 there may be several networks of one name, and even an id is looked up by its network's name.
    pub(crate) fn is_ambiguous_network(&self) -> bool {
        self.begins("network ") && self.has(" is ambiguous (")
    }

    /// Another network has this name or its bridge.
    pub(crate) fn is_network_name_taken(&self) -> bool {
        self.ends(&["networks have same bridge name"])
            || self.begins("network with name ") && self.ends(&["already exists"])
            || self.begins("network name ")
                && self.ends(&["already used", "already used: network already exists"])
    }

    pub(crate) fn is_of_a_missing_file(&self) -> bool {
        self.ends(&["no such file or directory"])
    }

    /// Running containers use it.
    pub(crate) fn is_network_in_use(&self) -> bool {
        self.has("has active endpoints") || self.has("has associated containers with it")
    }

    /// The engine has no address range left for one more network.
    pub(crate) fn is_out_of_addresses(&self) -> bool {
        self.has_any(&[
            "available, non-overlapping ipv4 address pool",
            "predefined address pools have been fully subnetted",
            "could not find free subnet from subnet pools",
        ])
    }

    pub(crate) fn is_broken_network_tool(&self) -> bool {
        self.begins("netavark: ") || self.begins("aardvark-dns ")
    }

    /// The storage driver does not support a disk limit. (It does not mean a full disk.)
    pub(crate) fn is_no_disk_limit(&self) -> bool {
        self.begins("--storage-opt ")
            || self.begins("storage-opt ")
            || self.begins("storage option overlay.size ")
            || self.has("filesystem does not support, or has not enabled quotas")
    }

    /// A folder would be replaced by a file, or a file by a folder.
    pub(crate) fn is_overwrite(&self) -> bool {
        self.begins("cannot overwrite ")
    }

    /// A volume or the root of a container.
    pub(crate) fn is_read_only(&self) -> bool {
        self.has("is marked read-only")
    }

    pub(crate) fn is_full_disk(&self) -> bool {
        self.has_any(&["no space left on device", "disk quota exceeded"])
    }

    pub(crate) fn is_doubled_mount(&self) -> bool {
        self.begins("duplicate mount point")
    }

    pub(crate) fn is_unknown_volume_driver(&self) -> bool {
        self.has("error looking up volume plugin ")
    }

    pub(crate) fn is_bad_mount(&self) -> bool {
        self.has_any(&["invalid mount config", "invalid mount path", "invalid volume specification"])
            || self.has_any(&["error while creating mount source path", "error while mounting volume"])
            || self.has_any(&["error mounting \"\"", "mounting \"\" to rootfs", "mount `` to ``"])
            || self.has_any(&["invalid characters for a local volume name", "invalid tmpfs option"])
            || self.begins("statfs /")
            || self.has_any(&["but it is not a shared mount", "but it is not a shared or slave mount"])
    }

    pub(crate) fn is_too_little_memory(&self) -> bool {
        self.begins("minimum memory limit ")
    }

    pub(crate) fn is_too_many_cpus(&self) -> bool {
        self.has_any(&["range of cpus is from ", "requested cpus are not available"])
    }

    pub(crate) fn is_refused_rlimit(&self) -> bool {
        self.has_any(&["error setting rlimit", "setrlimit ``", "wrong rlimit value"])
    }

    pub(crate) fn is_unknown_device(&self) -> bool {
        self.has("error gathering device information while adding custom device")
    }

    pub(crate) fn is_no_gpu(&self) -> bool {
        self.begins("could not select device driver ")
    }

    pub(crate) fn is_unknown_runtime(&self) -> bool {
        self.begins("unknown runtime specified ") || self.begins("unknown or invalid runtime name")
    }

    pub(crate) fn is_refused_log_driver(&self) -> bool {
        self.has_any(&["error looking up logging plugin ", "failed to initialize logging driver"])
            || self.has_any(&["unknown log opt ", "log driver"])
    }

    pub(crate) fn is_unreadable_log(&self) -> bool {
        self.has("logging driver does not support reading")
    }

    pub(crate) fn is_going(&self) -> bool {
        self.has("dead or marked for removal")
    }

    pub(crate) fn is_no_such_container(&self) -> bool {
        self.begins("no such container")
            || self.begins("no container with name or id ")
            || self.ends(&["container has already been removed"])
    }

    pub(crate) fn is_no_such_image(&self) -> bool {
        self.begins("no such image") || self.ends(&[": image not known"])
    }

    pub(crate) fn is_of_another_platform(&self) -> bool {
        self.begins("image with reference ") && self.has(" the specified ") && self.has("platform")
    }

    /// The engine knows no such path.
    pub(crate) fn is_unknown_page(&self) -> bool {
        matches!(self.0.as_str(), "page not found" | "404 page not found" | "not found")
    }

    pub(crate) fn is_name_taken(&self) -> bool {
        self.has_any(&["name \"\" is already in use", "name conflicts with an existing object"])
            || self.ends(&["that name is already in use"])
    }

    /// A signal was sent to a container that does not run.
    pub(crate) fn is_not_running(&self) -> bool {
        self.has("is not running") || self.begins("can only kill running containers")
    }

    /// Docker: another client's removal is in progress.
    pub(crate) fn is_removal_under_way(&self) -> bool {
        self.has("already in progress")
    }

    /// podman: the container is ending or starting, whatever state the text names.
    pub(crate) fn has_improper_state(&self) -> bool {
        self.has("container state improper")
    }

    pub(crate) fn is_between_states(&self) -> bool {
        self.ends(&["container state improper"])
    }

    pub(crate) fn is_clear_text_to_tls(&self) -> bool {
        self.0.starts_with("client sent an http request to an https server")
    }

    pub(crate) fn is_no_manager(&self) -> bool {
        self.begins("this node is not a swarm manager") || self.has("podman does not support service")
    }

    pub(crate) fn is_without_leader(&self) -> bool {
        self.has("swarm does not have a leader")
    }

    /// A manager lost the leader while it passed the request on, so it may have been done.
    pub(crate) fn is_leader_lost(&self) -> bool {
        self.0.starts_with("rpc error: code = unavailable")
            || self.0.starts_with("rpc error: code = deadlineexceeded")
            || self.has("lost leader")
    }

    /// Swarm: the service or its task does not exist.
    pub(crate) fn is_missing_service(&self) -> bool {
        let text = self.0.strip_prefix("rpc error: code = notfound desc = ").unwrap_or(&self.0);
        let named = text.starts_with("service ") || text.starts_with("task ");
        named && text.ends_with(" not found") || text.starts_with("no such service")
    }

    pub(crate) fn is_rate_limit(&self) -> bool {
        self.begins("toomanyrequests: ")
            || self.0 == "toomanyrequests"
            || self.has_any(&["too many requests", "pull rate limit"])
    }

    pub(crate) fn is_no_access(&self) -> bool {
        self.begins("pull access denied")
    }

    pub(crate) fn is_login_wanted(&self) -> bool {
        self.begins("unauthorized")
            || self.begins("denied: ")
            || self.ends(&[": denied"])
            || self.has_any(&["no basic auth credentials", "authentication required", "401 unauthorized"])
            || self.has_any(&["access to the resource is denied", "403 forbidden", "authorization failed"])
            || self.has_any(&["access forbidden", "incorrect username or password"])
    }

    pub(crate) fn is_no_such_platform(&self) -> bool {
        self.has_any(&[
            "no matching manifest for ",
            "no match for platform",
            "cannot be used on this platform",
        ]) || self.has_any(&["no image found in manifest list", "no image found in image index"])
    }

    pub(crate) fn is_not_in_registry(&self) -> bool {
        self.begins("manifest unknown")
            || self.begins("name unknown")
            || self.begins("manifest for ") && self.has(" not found")
            || self.has_any(&["repository name not known to registry", "status code 404", "404 not found"])
            || self.ends(&[": not found", " does not exist"])
    }

    pub(crate) fn is_bad_reference(&self) -> bool {
        self.begins("invalid reference")
    }

    pub(crate) fn is_ambiguous_short_name(&self) -> bool {
        self.has("did not resolve to an alias")
    }

    /// A registry whose certificate the engine does not trust.
    pub(crate) fn is_untrusted_registry(&self) -> bool {
        self.has_any(&["x509: ", "failed to verify certificate", "tls: unknown certificate"])
    }

    pub(crate) fn is_registry_without_tls(&self) -> bool {
        self.has_any(&[
            "server gave http response to https client",
            "first record does not look like a tls handshake",
        ])
    }

    /// A downloaded layer cannot be stored.
    pub(crate) fn is_refused_layer(&self) -> bool {
        self.begins("failed to register layer")
            || self.begins("failed to extract layer")
            || self.has_any(&[
                "error processing tar file",
                "unsupported media type",
                "unsupported manifest media type",
            ])
    }

    pub(crate) fn is_unreachable_registry(&self) -> bool {
        self.has_any(&["no such host", "connection refused", "no route to host", "network is unreachable"])
            || self.has_any(&["i/o timeout", "handshake timeout", "deadline exceeded", "timeout exceeded"])
            || self.has_any(&["server misbehaving", "temporary failure in name resolution"])
    }

    /// The failure may pass: a network error, or an error of the registry (5xx).
    pub(crate) fn may_pass(&self) -> bool {
        self.is_unreachable_registry()
            || self.ends(&["eof", "connection timed out", "operation timed out"])
            || self.has_any(&[
                "connection reset",
                "broken pipe",
                "closed network connection",
                "request canceled",
            ])
            || self.has_any(&["stream error", "goaway", "short read", "layer verification failed"])
            || self.is_servers_failure()
    }

    /// A status of 500 to 599, in the forms that registry clients write.
    fn is_servers_failure(&self) -> bool {
        let heads = ["http status: 5", "status code: 5", "status code 5", "request failed with status: 5"];
        let named = self.has_any(&heads) || self.has(" request to ") && self.has(": 5");
        named
            || self.has_any(&[
                "internal server error",
                "bad gateway",
                "service unavailable",
                "gateway timeout",
            ])
    }
}

fn ends(text: &str, causes: &[&str]) -> bool {
    causes.iter().any(|cause| text.ends_with(cause))
}

/// The text without its quoted parts. A quotation mark inside a word, as in "can't", does not count, nor does one
/// without an end. Go escapes double quotes within its quotes.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(QUOTES) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        let mut inside = quoted.chars();
        let quote = inside.next().unwrap_or('"');
        let in_a_word = quote == '\'' && out.chars().next_back().is_some_and(char::is_alphanumeric);
        out.push(quote);
        rest = inside.as_str();
        if in_a_word {
            continue;
        }
        if let Some(end) = end_of_quote(rest, quote) {
            out.push(quote);
            rest = rest.get(end..).unwrap_or_default();
        }
    }
    out + rest
}

/// The position after the closing `quote`.
fn end_of_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let after = at + c.len_utf8();
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            // Other quotes are not escaped: the last one before the end of a word closes.
            c if c == quote && (quote == '"' || ends_word(text.get(after..))) => return Some(after),
            _ => {}
        }
    }
    None
}

fn ends_word(rest: Option<&str>) -> bool {
    rest.and_then(|rest| rest.chars().next()).is_none_or(|next| !next.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_parts_are_removed_and_the_rest_stays() {
        for (text, bare) in [
            ("exec: \"a\\\"b` 'c\": not found", "exec: \"\": not found"),
            ("path '/x y': bad, `z`: worse", "path '': bad, ``: worse"),
            ("can't open 'x'", "can't open ''"),
            ("an \"open quote", "an \"open quote"),
            ("\"x\" is first", "\"\" is first"),
            ("\"\\\"", "\"\\\""),
            ("", ""),
        ] {
            assert_eq!(unquoted(text), bare, "{text}");
        }
    }
}
