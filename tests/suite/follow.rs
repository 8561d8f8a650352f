//! The library's `Follow`: its caller may drop the future of the next piece at any moment, and loses nothing.

use std::time::Duration;

use chrono::Utc;
use cube::{Follow, LogOptions};
use tokio::time::timeout;

use crate::testbed::{
    Bed, Task,
    engine::docker_at,
    probe,
    proxy::{Fault, Proxy},
};

/// How long a caller waits before it drops the future.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long an output may take to end.
const END: Duration = Duration::from_secs(20);

async fn follow(proxy: &Proxy, task: &Task<'_>, options: &LogOptions) -> Follow {
    let docker = docker_at(proxy.host());
    let (found, details) = docker.find(&task.id.parse().unwrap()).await.unwrap();
    found.logs_of(&details, options).await.unwrap()
}

/// Reads all of an output whose task cannot be looked at again until a future was dropped that waited for it.
async fn interrupted(proxy: &Proxy, mut output: Follow) -> String {
    let looks = || proxy.seen().iter().filter(|request| request.contains("/json")).count();
    let (mut text, before) = (Vec::new(), looks());
    proxy.hold(&["/json"]);
    loop {
        match timeout(PATIENCE, output.next()).await {
            Ok(piece) => text.extend(piece.unwrap().expect("it has not ended").bytes),
            Err(_) if looks() > before => break,
            Err(_) => {}
        }
    }
    proxy.let_go();
    while let Some(piece) = timeout(END, output.next()).await.expect("it ends").unwrap() {
        text.extend(piece.bytes);
    }
    String::from_utf8(text).unwrap()
}

/// What comes of a task's two lines; `limited` says that they are followed until now.
fn of_two_lines(fault: Option<(usize, Fault)>, action: &str, limited: bool) -> String {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=one", "out=two", action]);
    bed.cube(["logs", "-f", "-n", "2", &task.id]).spawn().wait_for_stdout("two\n");
    let proxy = Proxy::before(bed.engine(), fault);
    let options = LogOptions { follow: true, until: limited.then(Utc::now), ..LogOptions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let output = follow(&proxy, &task, &options).await;
        interrupted(&proxy, output).await
    })
}

#[test]
fn the_last_look_after_a_time_limit() {
    assert_eq!(of_two_lines(None, "forever", true), "one\ntwo\n");
}

#[test]
fn the_rest_of_a_log_that_broke_off() {
    assert_eq!(of_two_lines(Some((1, Fault::CutBody)), "exit=0", false), "one\ntwo\n");
}
