//! Images that the tests make themselves, without pulling anything.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, OnceLock};

use tempfile::TempDir;

use super::Engine;
use super::engine::escaped;

const PROBE_SOURCE: &str =
    concat!(include_str!("../../probe/probe.rs"), include_str!("../../probe/pattern.rs"));

/// The label by which `tests/run` removes the images at the end.
const LABEL: &str = "LABEL cube-test=image";

/// The instructions of every image of the probe.
const USUAL: [&str; 2] = ["ENTRYPOINT [\"/probe\"]", "CMD [\"forever\"]"];

/// The image of the probe alone, from scratch: no shell, no libraries.
pub fn probe() -> String {
    probe_with(&[])
}

/// The probe's image with more instructions (`EXPOSE 80`, `VOLUME /data`, `HEALTHCHECK …`).
pub fn probe_with(instructions: &[&str]) -> String {
    probe_on(Engine::under_test(), instructions)
}

/// The same on another engine.
pub fn probe_on(engine: &Engine, instructions: &[&str]) -> String {
    made_once(engine, "probe", &[&USUAL, instructions].concat(), |root| {
        fs::copy(probe_binary(), root.join("probe")).unwrap();
    })
}

/// An image of the probe with a unique layer, so that pulling it transfers bytes.
pub fn fresh_on(engine: &Engine, repo: &str, tag: &str) -> String {
    let root = TempDir::new().unwrap();
    fill_folders(root.path());
    fs::copy(probe_binary(), root.path().join("probe")).unwrap();
    fs::write(root.path().join("etc/image"), format!("{repo}:{tag}")).unwrap();
    import(engine, root.path(), repo, tag, &USUAL);
    format!("{repo}:{tag}")
}

/// An image with a shell and the usual small commands.
pub fn shell() -> String {
    shell_on(Engine::under_test())
}

/// The same on another engine.
pub fn shell_on(engine: &Engine) -> String {
    let instructions = ["CMD [\"sh\"]", "ENV PATH=/bin"];
    made_once(engine, "shell", &instructions, fill_with_shell)
}

/// A static busybox and a link for each of its programs.
pub(super) fn fill_with_shell(root: &Path) {
    fs::create_dir(root.join("bin")).unwrap();
    let busybox = root.join("bin/busybox");
    fs::copy("/bin/busybox", &busybox).expect("busybox-static is installed (tests/run does it)");
    let listed = Command::new(&busybox).arg("--list").output().unwrap();
    for applet in String::from_utf8(listed.stdout).unwrap().lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
}

/// The image of `examples/postgres-image.sh`, on these engines.
pub fn postgres_on(engines: &[&Engine], name: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/postgres-image.sh");
    let (first, others) = engines.split_first().unwrap();
    let made = Command::new(script).arg(name).env("DOCKER_HOST", first.host()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tar = first.send("GET", &format!("/images/{name}/get"), &[], &[]).body;
    for engine in others {
        let loaded = engine.send("POST", "/images/load", &["Content-Type: application/x-tar"], &tar);
        assert!(loaded.status == 200 && engine.has(&format!("/images/{name}/json")), "{name} is not loaded");
    }
}

/// The image of `examples/postgres-image.sh` on the engine under test.
pub fn postgres() -> String {
    static MADE: LazyLock<String> = LazyLock::new(|| {
        let name = "cube-test/postgres:1".to_owned();
        postgres_on(&[Engine::under_test()], &name);
        name
    });
    MADE.clone()
}

/// An image of a real server out of Debian's packages, made by `tests/servers/image.sh`.
pub fn server(kind: &str) -> String {
    static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
    let mut hasher = DefaultHasher::new();
    for file in ["image.sh", kind] {
        fs::read(folder.join(file)).unwrap().hash(&mut hasher);
    }
    let name = format!("cube-test/{kind}:{:016x}", hasher.finish());
    if !made.contains(&name) {
        let host = Engine::under_test().host();
        let run = Command::new(folder.join("image.sh")).args([kind, &name]).env("DOCKER_HOST", host).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        made.push(name.clone());
    }
    name
}

/// Makes the image unless the engine has it: its tag follows from its content.
pub(super) fn made_once(
    engine: &Engine,
    name: &str,
    instructions: &[&str],
    fill: impl FnOnce(&Path),
) -> String {
    static MADE: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut hasher = DefaultHasher::new();
    (PROBE_SOURCE, instructions).hash(&mut hasher);
    let (repo, tag) = (format!("cube-test/{name}"), format!("{:016x}", hasher.finish()));
    let reference = format!("{repo}:{tag}");
    let key = engine.host() + &reference;
    if !made.contains(&key) && !engine.has(&format!("/images/{reference}/json")) {
        let root = TempDir::new().unwrap();
        fill_folders(root.path());
        fill(root.path());
        import(engine, root.path(), &repo, &tag, instructions);
    }
    made.insert(key);
    reference
}

fn fill_folders(root: &Path) {
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["tmp", "data", "etc"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/\nprobe:x:1000:1000::/:/\n").unwrap();
    fs::write(root.join("not-executable"), "no program\n").unwrap();
}

fn import(engine: &Engine, root: &Path, repo: &str, tag: &str, instructions: &[&str]) {
    let tar =
        Command::new("tar").args(["--owner=0", "--group=0", "-cC"]).arg(root).arg(".").output().unwrap();
    assert!(tar.status.success(), "tar: {}", String::from_utf8_lossy(&tar.stderr));
    let changes = [&[LABEL], instructions].concat();
    let changes = changes.iter().map(|change| ["&changes=", &escaped(change)].concat()).collect::<String>();
    let path = format!("/images/create?fromSrc=-&repo={repo}&tag={tag}{changes}");
    let answer = engine.send("POST", &path, &["Content-Type: application/x-tar"], &tar.stdout);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.status == 200 && !text.contains("\"error\""), "importing {repo}: {text}");
    // podman 4 ignores the name and tag of an import.
    if !engine.has(&format!("/images/{repo}:{tag}/json")) {
        let shown: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        let id = shown["status"].as_str().unwrap().trim_end();
        let tagged = engine.send("POST", &format!("/images/{id}/tag?repo={repo}&tag={tag}"), &[], &[]);
        assert_eq!(tagged.status, 201, "naming {repo}: {text}");
    }
}

/// The probe, built once for all test runs.
fn probe_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        PROBE_SOURCE.hash(&mut hasher);
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{:016x}", hasher.finish()));
        if !binary.exists() {
            build_probe(&binary);
        }
        binary
    })
}

fn build_probe(binary: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/probe.rs");
    // Another test process may be building it too.
    let built = binary.with_extension(std::process::id().to_string());
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let options = ["--edition=2024", "-O", "-Cstrip=symbols", "-Ctarget-feature=+crt-static", "-o"];
    let status = Command::new(rustc).args(options).arg(&built).arg(source).status().unwrap();
    assert!(status.success(), "rustc builds the probe");
    fs::rename(built, binary).unwrap();
}

/// An image with bash, perl and their libraries from this machine, and with files that cannot run: a program with a
/// missing library, one for another processor, a script without its interpreter.
pub fn tools() -> String {
    made_once(Engine::under_test(), "tools", &["CMD [\"bash\"]", "ENV PATH=/bin", "LABEL tools=2"], |root| {
        let own = |program: &str| [&[Path::new(program).to_owned()], libraries(program).as_slice()].concat();
        for file in ["/bin/bash", "/usr/bin/perl"].iter().flat_map(|program| own(program)) {
            put(root, &file);
        }
        symlink("/usr/bin/perl", root.join("bin/perl")).unwrap();
        fs::copy("/bin/ls", root.join("needs-library")).unwrap();
        fs::copy("/bin/grep", root.join("needs-another")).unwrap();
        // The header of an ARM program, which is all that the kernel reads.
        let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
        elf.extend([0; 8]);
        elf.extend([2, 0, 0xb7, 0, 1, 0, 0, 0]);
        elf.resize(4096, 0);
        fs::write(root.join("arm"), elf).unwrap();
        fs::write(root.join("script"), "#!/no/such/interpreter\n").unwrap();
        for program in ["arm", "script"] {
            fs::set_permissions(root.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
    })
}

/// The shared libraries that a program needs, and its loader.
fn libraries(program: &str) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Copies a file of this machine to the same place in the image.
fn put(root: &Path, file: &Path) {
    let place = root.join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(file, place).unwrap();
}
