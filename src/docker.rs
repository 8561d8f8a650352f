//! What talks to the engine.


mod credentials;

mod dial;
