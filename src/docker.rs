//! What talks to the engine.

#[allow(dead_code, reason = "the runner that calls it comes next")]
mod credentials;
#[allow(dead_code, reason = "the runner that calls it comes next")]
mod dial;
#[cfg(test)]
mod fake_program;
