//! An engine that hangs: it accepts every request and does nothing until it goes on, perhaps minutes later.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::testbed::private::Private;
use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, cube::Running, image};

/// How long the engine hangs: longer than cube itself looks for a container. `CUBE_TEST_HANG` sets a longer time, in
/// seconds.
fn hang() -> Duration {
    let seconds = std::env::var("CUBE_TEST_HANG").ok().map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(4))
}

/// How long the removal may take after the engine goes on.
const GONE: Duration = Duration::from_secs(30);

/// A run in the foreground, when the engine has received the create request.
fn asked(bed: &Bed, proxy: &Proxy, image: &str, flags: &[&str], code: i32) -> Running {
    let args = ["--network", "none", "--attach", "--image", image, "forever"];
    let run = bed.run(flags.iter().copied().chain(args)).env("DOCKER_HOST", proxy.host());
    let running = run.within(hang() + GONE).ends(code).spawn();
    proxy.wait_for("POST /containers/create");
    running
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + GONE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        // Polls: the guard reports nothing when it is done.
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_create_that_takes_effect_late_leaves_nothing() {
    let private = Private::start(false);
    let image = image::probe_on(private.engine(), &["VOLUME /data"]);
    let beds = [(); 3].map(|()| Bed::on(private.engine()));
    let proxies = [(); 3].map(|()| Proxy::before(private.engine(), None));
    let watch = private.engine().watch();
    let hanging = private.suspend();
    let asked = |n: usize, flags: &[&str], code| asked(&beds[n], &proxies[n], &image, flags, code);
    let interrupted = asked(0, &[], 130);
    interrupted.signal(Signal::INT);
    let mut killed = asked(1, &[], -9);
    killed.signal(Signal::KILL);
    killed.wait_killed();
    asked(2, &["--engine-timeout", "1s"], 125).finish();
    // The time during which it hangs.
    std::thread::sleep(hang());
    drop(hanging);
    interrupted.finish();
    for bed in &beds {
        wait_until("the engine forgot a request", || !watch.containers_with(&bed.label()).is_empty());
        wait_until("a container is left", || bed.containers().is_empty());
    }
    wait_until("a volume is left", || {
        let volumes = private.engine().get("/volumes")["Volumes"].clone();
        volumes.is_null() || volumes == json!([])
    });
}
