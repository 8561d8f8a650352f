//! What is at a path of a container.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    engine::{
        answers::{Answer, empty},
        wire::Asked,
    },
    model::{Model, program::READY_FILE},
};

/// The file that a program makes once it is ready stays when it ends.
pub fn stat(model: &Model, id: &str, asked: &Asked) -> Answer {
    let is_made = model.containers.get(id).is_some_and(|container| container.first_ready.is_some());
    if asked.value("path") != Some(READY_FILE) || !is_made {
        return empty(404);
    }
    let found =
        json!({"name": "ready", "size": 0, "mode": 0o644, "mtime": "2026-01-01T00:00:00Z", "linkTarget": ""});
    Answer::Stat(BASE64_STANDARD.encode(found.to_string()))
}
