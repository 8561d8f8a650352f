//! The process that a task belongs to, by which `prune` recognizes orphaned tasks.

use std::{fmt, fs, str::FromStr};

/// The process that a task must not outlive, identified uniquely by the machine's boot id, the pid namespace, the pid
/// and the start time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    boot: String,
    namespace: String,
    pid: u32,
    started: u64,
    lifetime: Lifetime,
}

/// How long a task belongs to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the task has started (a detached run).
    UntilStarted,
    /// For its whole life (`run` in the foreground, `with`).
    ForLife,
}

impl Owner {
    /// This process. `None` if `/proc` cannot be read.
    #[must_use]
    pub fn this_process(lifetime: Lifetime) -> Option<Self> {
        let pid = std::process::id();
        Some(Self { boot: boot()?, namespace: namespace()?, pid, started: start_time(pid)?, lifetime })
    }

    /// How long the task belongs to this owner.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Whether the process is certainly gone. A process of another machine, pid namespace or boot cannot be checked,
    /// and counts as alive.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_here() && start_time(self.pid) != Some(self.started)
    }

    /// Whether the process is certainly alive.
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

/// Reads the label's value; anything malformed is an error.
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

/// The start time of a living process, in clock ticks since the boot: field 22 of its `stat`.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name, in parentheses, may contain anything; after the last parenthesis there are only numbers.
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
    fn a_label_in_another_form_is_not_an_owner() {
        for text in ["", "a b c d life", "a b 1 2 3", "a b 1 2 life x", "a b 1 2"] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }
}
