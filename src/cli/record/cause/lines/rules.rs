//! What programs write when they fail, and what it means. If several rules match, the first one counts.

use cube::CauseKind::{
    DiskFull, MissingLibrary, MissingVariable, NameResolution, NoInterpreter, NotExecutable, NotFound,
    OutOfMemory, Permission, PortInUse, ReadOnly, WrongArchitecture,
};

use crate::cli::record::cause::{lines::rule::LineRule, text::CauseText};

/// 134 is SIGABRT: some runtimes abort themselves when their memory is used up.
const ALSO_ABORTED: std::ops::RangeInclusive<i64> = 1..=134;
/// The exit codes of a shell for a command that it cannot execute or find.
const CANNOT_RUN: std::ops::RangeInclusive<i64> = 126..=127;
const NO_SUCH_COMMAND: std::ops::RangeInclusive<i64> = 127..=127;

const LIBRARY: CauseText = CauseText::new(
    MissingLibrary,
    "the library {word} is not in the image",
    "install the package that holds it in the image; `ldd PROGRAM` lists what a program needs",
);

const NO_PROGRAM: CauseText = CauseText::new(
    NotFound,
    "the command {word} is not in the image",
    "check its name and the image's PATH, or choose an image that has it",
);

const NO_FILE: CauseText = CauseText::new(
    NotFound,
    "the image has no {path}, or not the interpreter that its first line names",
    "check the path, and that the file's lines end as on Linux",
);

const MEMORY_OF_ITS_OWN: CauseText = CauseText::new(
    OutOfMemory,
    "the program reports that no more memory is to be had",
    "give it more with --memory, or make it use less",
);

const HOST: CauseText = CauseText::new(
    NameResolution,
    "the host name {host} has no address in the task's network",
    "put both tasks on one network (--network, reached by --name or --network-alias), or name it with --add-host",
);

const ANY_HOST: CauseText = CauseText::new(
    NameResolution,
    "a host name has no address in the task's network",
    "put both tasks on one network (--network, reached by --name or --network-alias), or name it with --add-host",
);

const VARIABLE: CauseText = CauseText::new(
    MissingVariable,
    "the environment variable {var} is not set in the task",
    "set it with --env {var}=VALUE, or --env {var} to pass on your own",
);

const ANY_VARIABLE: CauseText = CauseText::new(
    MissingVariable,
    "an environment variable that the task needs is not set; its last lines name it",
    "set it with --env NAME=VALUE, or --env NAME to pass on your own",
);

const NO_PERMISSION: CauseText = CauseText::new(
    Permission,
    "the task's user may not do this with {path}",
    "choose another --user, or give the file or folder to that user in the image or volume",
);

/// Refusals by a program, not by the kernel.
const OTHER_PERMISSION: &str = r"(?i)publickey|password|://|denied for|access denied";

const NOT_ALLOWED: CauseText = CauseText::new(
    Permission,
    "the task is not allowed to do this with {path}",
    "choose another --user, or allow it what it needs with --cap-add",
);

pub const RULES: &[LineRule] = &[
    // Libraries: messages of glibc's and musl's loaders, and of programs that load libraries later.
    LineRule::new(r"error while loading shared libraries: (?P<word>[^\s:]+): cannot open shared object file", LIBRARY),
    LineRule::new(r"Error loading shared library (?P<word>[^\s:]+): No such file or directory", LIBRARY),
    LineRule::new(r"\b(?P<word>lib[A-Za-z0-9_+.-]+\.so[.0-9]*): cannot open shared object file", LIBRARY),
    LineRule::new(
        r"version .(?P<word>(?:GLIBC|GLIBCXX|CXXABI)_[0-9.]+). not found \(required by",
        CauseText::new(
            MissingLibrary,
            "the image's libraries are older than {word}, which the program needs",
            "build the program on a system as old as this image, or choose a newer image",
        ),
    )
    .within(10),
    // Programs of the wrong kind: messages of the engine in the log, and of shells.
    LineRule::new(
        r"^(?:standard_init_linux\.go:\d+: )?exec (?:user process caused|%path%): exec format error$",
        CauseText::new(
            WrongArchitecture,
            "the command{at} is most likely a program for another processor than the engine's",
            "choose the image's build for it with --platform; a script needs a first line such as #!/bin/sh",
        ),
    )
    .codes(1..=255),
    LineRule::new(
        r"%path%: cannot execute(?: binary file)?: Exec format error$",
        CauseText::new(
            WrongArchitecture,
            "{path} is most likely a program for another processor than the engine's",
            "use the build of it for this processor, or choose another --platform",
        ),
    ),
    LineRule::new(
        r"^(?:standard_init_linux\.go:\d+: )?exec (?:user process caused|%path%): no such file or directory$",
        CauseText::new(
            NoInterpreter,
            "the command{at} is in the image, but the interpreter or loader that it asks for is not",
            "install that in the image; a script's first line that ends as on Windows has this effect too",
        ),
    )
    .codes(1..=255),
    LineRule::new(
        r": %path%: bad interpreter: No such file or directory$",
        CauseText::new(
            NoInterpreter,
            "the script's first line names {path}, which is not in the image",
            "install it in the image, or correct the first line of the script",
        ),
    )
    .codes(CANNOT_RUN),
    LineRule::new(
        r"%path%: cannot execute: required file not found$",
        CauseText::new(
            NoInterpreter,
            "the interpreter or loader that {path} asks for is not in the image",
            "install it in the image; a script's first line that ends as on Windows has this effect too",
        ),
    )
    .codes(CANNOT_RUN),
    LineRule::new(
        r"^(?:/usr/bin/)?env: (?:can't execute )?%word%: No such file or directory$",
        CauseText::new(
            NoInterpreter,
            "the interpreter {word} that a script's first line names is not in the image",
            "install it in the image, or choose an image that has it",
        ),
    )
    .codes(NO_SUCH_COMMAND),
    // Commands that a shell cannot run.
    LineRule::new(
        r": %path%: Permission denied$",
        CauseText::new(
            NotExecutable,
            "{path} is there, but it is not executable",
            "make it so in the image (chmod +x), or run it by its interpreter: sh {path}",
        ),
    )
    .codes(126..=126),
    LineRule::new(r"(?:^|: |line \d+: )%path%: (?:command )?not found$", NO_FILE).codes(NO_SUCH_COMMAND),
    LineRule::new(r"(?:^|: |line \d+: )%word%: (?:command )?not found$", NO_PROGRAM).codes(NO_SUCH_COMMAND),
    LineRule::new(r"command not found: %word%$", NO_PROGRAM).codes(NO_SUCH_COMMAND),
    LineRule::new(r"failed to (?:run|execute) (?:command )?%word%: No such file or directory", NO_PROGRAM)
        .codes(NO_SUCH_COMMAND),
    LineRule::new(r"(?:line \d+|exec|sh|bash): %word%: No such file or directory$", NO_PROGRAM).codes(NO_SUCH_COMMAND),
    // Memory limits of language runtimes.
    LineRule::new(
        r"java\.lang\.OutOfMemoryError",
        CauseText::new(
            OutOfMemory,
            "Java's heap is used up",
            "give it more with --memory and --env JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75",
        ),
    )
    .within(10)
    .codes(ALSO_ABORTED),
    LineRule::new(
        r"JavaScript heap out of memory",
        CauseText::new(
            OutOfMemory,
            "the heap of Node.js is used up",
            "raise its limit in megabytes with --env NODE_OPTIONS=--max-old-space-size=4096",
        ),
    )
    .within(10)
    .codes(ALSO_ABORTED),
    LineRule::new(r"^MemoryError(?::|$)|^fatal error: (?:runtime: )?out of memory|^Out of memory(?:!| in perl)", MEMORY_OF_ITS_OWN)
        .within(10),
    LineRule::new(r"^memory allocation of \d+ bytes failed|std::bad_alloc", MEMORY_OF_ITS_OWN).codes(ALSO_ABORTED),
    LineRule::new(r": (?:[Cc]annot allocate memory|[Mm]emory exhausted|virtual memory exhausted|out of memory)$", MEMORY_OF_ITS_OWN),
    // The kernel's refusals.
    LineRule::new(
        r"(?i)read-only file system|\bEROFS\b",
        CauseText::new(
            ReadOnly,
            "the task tried to write to a file system that is read-only{at}",
            "mount a place to write to with --tmpfs or --volume, or leave out --read-only or the volume's :ro",
        ),
    ),
    LineRule::new(
        r"(?i)/dev/shm/.*no space left on device|resize shared memory segment.*no space left on device",
        CauseText::new(DiskFull, "/dev/shm of the task is full", "give it more with --shm-size, for example --shm-size 1g"),
    ),
    LineRule::new(
        r"(?i)no space left on device|\bENOSPC\b|disk quota exceeded|\bEDQUOT\b",
        CauseText::new(
            DiskFull,
            "there is no room left where the task writes{at}",
            "raise the limit that it has (--disk, --tmpfs PATH:size=…), or see `docker system df` for the engine's disk",
        ),
    )
    .unless(r"(?i)watch|semaphore|shared memory segment|shmget|epoll"),
    LineRule::new(
        r"(?i)bind.*permission denied|permission denied.*(?:listen|bind)",
        CauseText::new(
            Permission,
            "the task's user may not listen on this port",
            "use a port from 1024 on, or another --user",
        ),
    ),
    LineRule::new(
        r"(?i)(?:address (?:is )?already in use|\bEADDRINUSE\b|\baddress in use\b)",
        CauseText::new(
            PortInUse,
            "another process in the task's network listens on the port that it wants",
            "see what else the task starts on this port; with --network host, what runs on the engine's machine",
        ),
    ),
    LineRule::new(r"(?i)%path%.*\bpermission denied\b", NO_PERMISSION).unless(OTHER_PERMISSION),
    LineRule::new(r"(?i)(?:\bpermission denied\b|\bEACCES\b|\[Errno 13\]).*?%path%", NO_PERMISSION)
        .unless(OTHER_PERMISSION),
    LineRule::new(r"(?i)%path%.*\boperation not permitted\b", NOT_ALLOWED).unless("://"),
    LineRule::new(r"(?:\bEPERM\b|\[Errno 1\]).*?%path%", NOT_ALLOWED).unless("://"),
    // Host names.
    LineRule::new(r"[Cc]ould not resolve host(?:name)?:? %host%", HOST),
    LineRule::new(r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) %host%", HOST),
    LineRule::new(r"lookup %host%(?: on \S+)?: (?:no such host|server misbehaving|[Tt]emporary failure in name resolution)", HOST),
    LineRule::new(r": bad address %host%", HOST),
    LineRule::new(r"could not translate host name %host% to address", HOST),
    LineRule::new(r"java\.net\.UnknownHostException: %host%", HOST).within(10),
    LineRule::new(r"unable to resolve host address %host%", HOST),
    LineRule::new(r"Unknown (?:MySQL )?server host %host%", HOST),
    LineRule::new(r"[Cc]ould not resolve %host%", HOST),
    LineRule::new(
        r"(?:^|\s|@)%host%(?::\d+)?: (?:Temporary failure in name resolution|Name or service not known|Name does not resolve|Unknown host|No address associated with hostname)",
        HOST,
    )
    .unless(r"Errno|gaierror|lookup address"),
    LineRule::new(
        r"\[Errno -[235]\] (?:Name|Temporary failure in name)|failed to lookup address information|Temporary failure in name resolution|Name or service not known",
        ANY_HOST,
    ),
    // Variables: shells, the entry points of well-known images, runtimes.
    LineRule::new(r": %var%: (?:parameter not set(?: or null)?|unbound variable|parameter null or not set)$", VARIABLE),
    LineRule::new(r"You must specify %var% to a non-empty value", VARIABLE).within(12),
    LineRule::new(r"(?i)need to specify one of the following(?: as an environment variable|:|$)", ANY_VARIABLE).within(12),
    LineRule::new(r"^KeyError: '(?P<var>[A-Za-z_][A-Za-z0-9_]*)'$", VARIABLE).also(r"/os\.py.*|os\.environ"),
    LineRule::new(r"(?i)missing (?:required )?(?:environment|env) variables?:? %var%", VARIABLE),
    LineRule::new(r"(?i)(?:environment|env) variable:? %var% (?:is|must be|was|has to be|not) ?(?:not )?(?:set|required|missing|undefined|unset|defined|empty)", VARIABLE),
    LineRule::new(r"(?i)required (?:environment|env) variable:? %var%", VARIABLE),
    LineRule::new(r"\b(?P<var>[A-Z][A-Z0-9]*_[A-Z0-9_]+) (?:environment variable )?(?:(?:is|was) (?:not (?:set|defined)|unset|undefined|required|missing)|must be set|not set)\b", VARIABLE),
    LineRule::new(r"Err. value: NotPresent|environment variable not found", ANY_VARIABLE),
];

#[cfg(test)]
mod tests {
    use cube::CauseKind;
    use regex_lite::Regex;

    use super::*;
    use crate::cli::record::cause::{explain, facts::Facts, lines::expanded};

    fn kind(code: i64, text: &str) -> Option<(CauseKind, String)> {
        let lines = text.lines().map(str::to_owned).collect();
        let facts = Facts { code: Some(code), lines, ..Facts::default() };
        explain(&facts).map(|cause| (cause.kind, cause.message))
    }

    #[test]
    fn every_pattern_can_be_read_and_every_word_of_a_text_is_found() {
        for rule in RULES {
            let pattern = expanded(rule.pattern);
            assert!(Regex::new(&pattern).is_ok(), "{pattern}");
            for text in [rule.text.message, rule.text.remedy] {
                for name in text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()) {
                    assert!(name == "at" || pattern.contains(&format!("?P<{name}>")), "{name} in {pattern}");
                }
            }
        }
    }

    /// Exit code, last lines, the kind of the cause, and a word of its message.
    const KNOWN: &[(i64, &str, CauseKind, &str)] = &[
        (
            127,
            "/app: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory",
            MissingLibrary,
            "libpq.so.5",
        ),
        (
            127,
            "Error loading shared library libz.so.1: No such file or directory (needed by /app)",
            MissingLibrary,
            "libz.so.1",
        ),
        (
            1,
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            MissingLibrary,
            "libGL.so.1",
        ),
        (
            1,
            "/app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app)",
            MissingLibrary,
            "GLIBC_2.38",
        ),
        (1, "exec /app: exec format error", WrongArchitecture, "/app"),
        (126, "bash: line 1: /app: cannot execute binary file: Exec format error", WrongArchitecture, "/app"),
        (1, "exec /entry.sh: no such file or directory", NoInterpreter, "/entry.sh"),
        (126, "bash: ./x: /bin/zsh: bad interpreter: No such file or directory", NoInterpreter, "/bin/zsh"),
        (127, "env: can't execute 'python3': No such file or directory", NoInterpreter, "python3"),
        (127, "/usr/bin/env: ‘ruby’: No such file or directory", NoInterpreter, "ruby"),
        (126, "sh: /data/x: Permission denied", NotExecutable, "/data/x"),
        (127, "sh: nope: not found", NotFound, "nope"),
        (127, "sh: 1: /x/script: not found", NotFound, "has no /x/script, or not the interpreter"),
        (127, "bash: line 1: nope: command not found", NotFound, "nope"),
        (127, "timeout: failed to run command ‘nope’: No such file or directory", NotFound, "nope"),
        (
            1,
            "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat A.main(A.java:5)",
            OutOfMemory,
            "Java",
        ),
        (
            134,
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0xb",
            OutOfMemory,
            "Node.js",
        ),
        (1, "Traceback (most recent call last):\n  File \"<stdin>\", line 1\nMemoryError", OutOfMemory, ""),
        (134, "memory allocation of 99999999999 bytes failed", OutOfMemory, ""),
        (1, "touch: /data/x: Read-only file system", ReadOnly, "/data/x"),
        (1, "OSError: [Errno 30] Read-only file system: '/data/x'", ReadOnly, "/data/x"),
        (1, "open /data/x: read-only file system", ReadOnly, "/data/x"),
        (1, "dd: error writing '/scratch/x': No space left on device", DiskFull, "/scratch/x"),
        (
            1,
            "ERROR:  could not resize shared memory segment \"/PostgreSQL.1\" to 8 bytes: No space left on device",
            DiskFull,
            "/dev/shm",
        ),
        (1, "write /x: disk quota exceeded", DiskFull, "/x"),
        (1, "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", PortInUse, ""),
        (
            1,
            "Error: listen EADDRINUSE: address already in use :::80\n    at Server.setup\n}\nNode.js v18",
            PortInUse,
            "",
        ),
        (1, "listen tcp :80: bind: permission denied", Permission, "port"),
        (1, "PermissionError: [Errno 13] Permission denied: '/data/x'", Permission, "/data/x"),
        (2, "sh: can't create /data/x: Permission denied", Permission, "/data/x"),
        (1, "Error: EACCES: permission denied, open '/data/x'\n    at x {\n}", Permission, "/data/x"),
        (1, "chown: /data: Operation not permitted", Permission, "/data"),
        (6, "curl: (6) Could not resolve host: db", NameResolution, "db"),
        (1, "wget: bad address 'db'", NameResolution, "db"),
        (
            1,
            "psql: error: could not translate host name \"db\" to address: Name or service not known",
            NameResolution,
            "db",
        ),
        (1, "dial tcp: lookup db on 127.0.0.11:53: no such host", NameResolution, "db"),
        (1, "Could not connect to Redis at db:6379: Name or service not known", NameResolution, "db"),
        (1, "socket.gaierror: [Errno -2] Name or service not known", NameResolution, ""),
        (1, "sh: TOKEN: parameter not set", MissingVariable, "TOKEN"),
        (1, "bash: line 1: TOKEN: unbound variable", MissingVariable, "TOKEN"),
        (
            1,
            "  File \"/usr/lib/python3.11/os.py\", line 679, in __getitem__\n    raise KeyError(key) from None\nKeyError: 'TOKEN'",
            MissingVariable,
            "TOKEN",
        ),
        (
            1,
            "Error: Database is uninitialized and superuser password is not specified.\n       You must specify POSTGRES_PASSWORD to a non-empty value for the\n       superuser. For example",
            MissingVariable,
            "",
        ),
        (1, "Error: the environment variable API_KEY is not set", MissingVariable, "API_KEY"),
        (1, "JAVA_HOME is not set", MissingVariable, "JAVA_HOME"),
    ];

    #[test]
    fn the_messages_of_many_programs_are_known() {
        for (code, text, wanted, says) in KNOWN {
            let found = kind(*code, text);
            assert!(
                found.as_ref().is_some_and(|(kind, message)| kind == wanted && message.contains(says)),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn output_that_only_resembles_a_cause_gives_none() {
        for (code, text) in [
            (255, "git@github.com: Permission denied (publickey)."),
            (1, "ERROR:  permission denied for table users"),
            (1, "Error: ENOSPC: System limit for number of file watchers reached, watch '/src'"),
            (1, "FATAL:  could not create semaphores: No space left on device"),
            (1, "assert failed: 1 != 2"),
            (1, "KeyError: 'user'"),
            (1, "Traceback (most recent call last):\nValueError: not found"),
            (1, "test result: 3 passed, 1 failed: not found"),
            (1, "HTTP 404: not found"),
            (1, "sh: nope: not found\nthe tests begin\ntest a\ntest b\n1 test failed"),
            (22, "curl: (22) The requested URL returned error: 404"),
            (7, "curl: (7) Failed to connect to db port 80: Connection refused"),
            (1, "panic: runtime error: index out of range"),
            (101, "thread 'main' panicked at src/main.rs:2:5:\nboom"),
            (1, "the option is not set"),
            (1, "Error: No such file or directory: config.yml"),
            (1, "cat: /etc/app.conf: No such file or directory"),
            (3, ""),
        ] {
            assert_eq!(kind(code, text), None, "{text}");
        }
    }

    #[test]
    fn a_variable_that_was_given_is_not_missing_and_its_value_not_shown() {
        let env: Vec<cube::EnvVar> = ["TOKEN=s3cret", "HOST=db.internal"]
            .iter()
            .map(|v| cube::EnvVar::parse(v, &|_| None).unwrap())
            .collect();
        let facts =
            |line: &str| Facts { code: Some(1), lines: vec![line.to_owned()], env: &env, ..Facts::default() };
        assert_eq!(explain(&facts("sh: TOKEN: parameter not set")), None);
        let cause = explain(&facts("curl: (6) Could not resolve host: db.internal")).unwrap();
        assert!(cause.message.contains("$HOST") && !cause.message.contains("db.internal"), "{cause:?}");
    }
}
