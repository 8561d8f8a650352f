//! What the benchmark shares with the tests: the engine, and the image of the probe.
#![allow(dead_code)] // the tests use more of it

#[path = "../suite/testbed/engine.rs"]
pub mod engine;
#[path = "../suite/testbed/image.rs"]
pub mod image;

/// The engine, which the benchmark needs.
mod need {
    pub fn no_engine() -> ! {
        panic!("no engine answers: set DOCKER_HOST=unix:///PATH to one that does");
    }
}

pub use engine::Engine;
