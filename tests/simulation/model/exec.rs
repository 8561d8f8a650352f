//! A command in a container.

use crate::model::{Model, program::Program};

/// What a container's own check, and the condition `exec=`, run: it fails until the container is ready.
pub const CHECK: &str = "check";
/// The code of what is killed with its container.
const KILLED: i64 = 137;

/// A command, from its creation on.
#[derive(Clone, Debug)]
pub struct Exec {
    pub container: String,
    /// Of which of its processes it is a part.
    pub process: u64,
    command: Vec<String>,
    pub starts: u32,
    pub log: Vec<(u8, Vec<u8>)>,
    pub code: Option<i64>,
    /// Its output was cut off, perhaps where nobody can see that.
    pub is_cut: bool,
}

impl Exec {
    pub fn new(container: String, process: u64, command: Vec<String>) -> Self {
        Self { container, process, command, starts: 0, log: Vec::new(), code: None, is_cut: false }
    }

    /// What it does in a container that is ready, or is not.
    pub fn program(&self, is_ready: bool) -> Program {
        match self.command.as_slice() {
            [_, _, check] if check == CHECK => Program::check(is_ready),
            program => Program::read(program),
        }
    }

    /// Everything that it wrote to a stream.
    pub fn wrote(&self, stream: u8) -> Vec<u8> {
        let pieces = self.log.iter().filter(|(to, _)| *to == stream);
        pieces.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }
}

impl Model {
    /// A command writes, unless it was ended with its container.
    pub fn command_wrote(&mut self, id: &str, stream: u8, bytes: Vec<u8>) {
        if let Some(exec) = self.execs.get_mut(id).filter(|exec| exec.code.is_none()) {
            exec.log.push((stream, bytes));
        }
    }

    /// The output of a command was given, whole or not.
    pub fn command_given(&mut self, id: &str, is_whole: bool) {
        if let Some(exec) = self.execs.get_mut(id) {
            exec.is_cut |= !is_whole;
        }
    }

    /// A command ends by itself.
    pub fn command_ended(&mut self, id: &str, code: i64) {
        if let Some(exec) = self.execs.get_mut(id) {
            exec.code.get_or_insert(code);
        }
    }

    /// The commands in a container end with its process.
    pub fn commands_killed(&mut self, container: &str) {
        let all = self.execs.values_mut().filter(|exec| exec.container == container && exec.starts > 0);
        all.for_each(|exec| {
            exec.code.get_or_insert(KILLED);
        });
    }
}
