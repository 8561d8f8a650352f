//! An engine's refusals.

use hyper::Method;

use crate::{
    docker::http::{
        refusal::{RefusalText, call::Call},
        version::Engine,
    },
    fuzzing::pieces::{Random, ways},
    printable::rewrites,
};

const PATHS: [&str; 8] = [
    "/containers/create",
    "/containers/ab/start",
    "/containers/ab/json",
    "/containers/ab/archive",
    "/images/create",
    "/networks/ab",
    "/services/create",
    "/exec/ab/start",
];
const STATUSES: [u16; 8] = [400, 401, 403, 404, 409, 500, 501, 503];
/// More than any message has, in characters.
const LONGEST: usize = 8_000;

pub(crate) fn check(bytes: &[u8]) {
    let mut random = Random::of(bytes);
    for path in PATHS {
        let call = Call::of(&Method::POST, path);
        let status = STATUSES[random.below(STATUSES.len())];
        let errors = ways(bytes).map(|pieces| {
            let mut text = RefusalText::default();
            let _ = pieces.iter().all(|piece| text.take(piece));
            let error = text.error(call, status, Engine::default());
            let words = [error.to_string(), error.hint().unwrap_or_default().to_owned()];
            (error.kind(), words.into_iter().chain(error.causes()).collect::<Vec<_>>())
        });
        assert!(errors[0] == errors[1] && errors[0] == errors[2]);
        for text in &errors[0].1 {
            assert!(!text.chars().any(rewrites), "{text:?}");
            assert!(text.chars().count() < LONGEST, "{text:?}");
        }
    }
}
