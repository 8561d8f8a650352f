//! Which process a task belongs to, so that `prune` knows an orphan from a task at work.

use std::{fmt, fs, str::FromStr};

/// The process that a task must not outlive, named so that no other process can be taken for it:
/// the machine's boot, the process-id namespace, the process id and its start time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    boot: String,
    namespace: String,
    pid: u32,
    started: u64,
    lifetime: Lifetime,
}

/// How long a task needs its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until its process runs (a detached run).
    UntilStarted,
    /// All its life (`run --attach`, `with`).
    ForLife,
}

impl Owner {
    /// This process. `None` where `/proc` does not say.
    #[must_use]
    pub fn this_process(lifetime: Lifetime) -> Option<Self> {
        let pid = std::process::id();
        Some(Self { boot: boot()?, namespace: namespace()?, pid, started: start_time(pid)?, lifetime })
    }

    /// How long the task needs this owner.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Whether the process is certainly gone. One of another machine or namespace cannot be seen
    /// from here and counts as alive; one of an earlier boot of this machine cannot be distinguished from it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_here() && start_time(self.pid) != Some(self.started)
    }

    /// Whether the process is certainly alive: it can be seen from here.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_here() && start_time(self.pid) == Some(self.started)
    }

    fn is_here(&self) -> bool {
        boot().as_ref() == Some(&self.boot) && namespace().as_ref() == Some(&self.namespace)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lifetime = match self.lifetime {
            Lifetime::UntilStarted => "start",
            Lifetime::ForLife => "life",
        };
        write!(f, "{} {} {} {} {lifetime}", self.boot, self.namespace, self.pid, self.started)
    }
}

/// The label's value; anything malformed is no owner.
impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(());
        let owner = Self {
            boot: next()?.to_owned(),
            namespace: next()?.to_owned(),
            pid: next()?.parse().map_err(drop)?,
            started: next()?.parse().map_err(drop)?,
            lifetime: match next()? {
                "start" => Lifetime::UntilStarted,
                "life" => Lifetime::ForLife,
                _ => return Err(()),
            },
        };
        words.next().map_or(Ok(owner), |_| Err(()))
    }
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

fn namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned())
}

/// When a living process started, in clock ticks since the boot: field 22 of its `stat`.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name, in parentheses, may hold anything; what follows the last one is numbers.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_is_alive_and_survives_its_label() {
        let owner = Owner::this_process(Lifetime::ForLife).unwrap();
        assert!(!owner.is_gone());
        assert_eq!(owner.to_string().parse(), Ok(owner));
    }

    #[test]
    fn a_process_that_ended_is_gone() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut owner = Owner::this_process(Lifetime::ForLife).unwrap();
        owner.pid = child.id();
        owner.started = start_time(child.id()).unwrap();
        assert!(!owner.is_gone());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(owner.is_gone());
    }

    #[test]
    fn another_machine_or_namespace_cannot_be_judged() {
        let owner = Owner { pid: 0, ..Owner::this_process(Lifetime::ForLife).unwrap() };
        assert!(owner.is_gone());
        assert!(!Owner { boot: "other".into(), ..owner.clone() }.is_gone());
        assert!(!Owner { namespace: "pid:[1]".into(), ..owner }.is_gone());
    }

    #[test]
    fn a_label_that_others_wrote_is_no_owner() {
        for text in ["", "a b c d life", "a b 1 2 3", "a b 1 2 life x", "a b 1 2"] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }
}
