//! Why a task failed, from facts of the engine and the kernel, and from known messages in the task's last lines. No
//! cause is better than a wrong one.

mod engine;
pub mod facts;
mod lines;
mod signals;
mod text;

use cube::Cause;

use crate::cli::record::{cause::facts::Facts, secrets::Secrets};

/// Why the task failed, if that is known.
pub fn explain(facts: &Facts) -> Option<Cause> {
    let cause = engine::of_error(facts).or_else(|| {
        if facts.ended_by_cube || facts.code.is_none_or(|code| code == 0) {
            return None;
        }
        engine::of_memory(facts)
            .or_else(|| signals::of_engine(facts))
            .or_else(|| lines::explain(facts))
            .or_else(|| signals::of_code(facts))
    })?;
    let secrets = Secrets::of(facts.env);
    Some(Cause { message: secrets.named(&cause.message), remedy: secrets.named(&cause.remedy), ..cause })
}
