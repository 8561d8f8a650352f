//! Images: what they are, and pulls.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::{
    engine::{
        answers::{Answer, refused, said},
        wire::Asked,
    },
    model::{Model, world::World},
    random::Random,
};

/// Milliseconds: less than the shortest time that a caller gives the engine to answer.
const LONGEST_PULL: u64 = 1_900;

pub fn image(model: &Model, path: &[String]) -> Answer {
    let name = path.get(1..path.len().saturating_sub(1)).unwrap_or_default().join("/");
    match model.image(&name) {
        Some(image) => said(
            200,
            &json!({"Id": image.id, "RepoTags": [format!("{}:latest", image.name)], "RepoDigests": [],
                "Config": {"Labels": image.labels}}),
        ),
        None => refused(404, &format!("No such image: {name}")),
    }
}

pub async fn pull(world: &World, asked: &Asked, random: &mut Random) -> Answer {
    sleep(Duration::from_millis(random.millis(LONGEST_PULL))).await;
    let name = asked.value("fromImage").unwrap_or_default().to_owned();
    let found = world.change(|model| {
        let mut image = model.images.iter_mut().filter(|image| image.name == name);
        image.next().map(|image| image.present = true).is_some()
    });
    if !found {
        return refused(404, &format!("manifest for {name}:latest not found: manifest unknown"));
    }
    let digest = "0".repeat(64);
    Answer::Lines(vec![
        "{\"status\":\"Pulling from library\",\"id\":\"latest\"}\r\n".to_owned(),
        format!("{{\"status\":\"Digest: sha256:{digest}\"}}\r\n"),
        "{\"status\":\"Status: Downloaded newer image\"}\r\n".to_owned(),
    ])
}
