//! Why a task failed that another process of cube ran: from what the engine still knows.

use cube::{Cause, EnvVar, RunningTask};

use crate::cli::record::{
    LAST_LINES, Record,
    cause::{self, facts::Facts},
    container::Container,
};

/// Why a task that ended with `code` failed, if that is known and the task still exists.
pub async fn cause_of(task: &RunningTask, code: i64) -> Option<Cause> {
    if code == 0 {
        return None;
    }
    let container = Container::read(task).await;
    container.exit_code()?;
    let seen = Record::default();
    seen.read_last_lines(task, None, LAST_LINES).await;
    let engine_signal = if code > 128 { task.last_signal().await.ok().flatten() } else { None };
    let env: Vec<EnvVar> =
        container.env().iter().filter_map(|text| EnvVar::parse(text, &|_| None).ok()).collect();
    cause::explain(&Facts {
        code: Some(code),
        out_of_memory: container.out_of_memory(),
        memory_limit: container.memory_limit(),
        engine_signal,
        command: container.command(),
        lines: seen.last_lines(LAST_LINES),
        env: &env,
        ..Facts::default()
    })
}
