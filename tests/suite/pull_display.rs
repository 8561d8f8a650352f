//! The display of a pull on terminals of several widths.

use rustix::process::Signal;
use serde_json::json;

use crate::testbed::registry::Registry;
use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::window::Window;
use crate::testbed::{Bed, Cube};

const DIGEST: &str = "sha256:4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";

/// A line of a pull: id, status, bytes.
type Step<'a> = (&'a str, &'a str, Option<(u64, u64)>);

/// The lines as an engine writes them.
fn progress(lines: &[Step]) -> Vec<u8> {
    let line = |(id, status, bytes): &Step| {
        let detail = bytes.map_or(json!({}), |(current, total)| json!({"current": current, "total": total}));
        format!("{}\n", json!({"id": id, "status": status, "progressDetail": detail}))
    };
    lines.iter().map(line).collect::<String>().into_bytes()
}

/// An engine that reports this and then nothing more.
fn stalling(report: &[u8]) -> Scripted {
    let Reply::Raw(mut bytes) = Reply::chunks(&[report]) else { unreachable!("it is a whole answer") };
    bytes.truncate(bytes.len() - b"0\r\n\r\n".len());
    Scripted::new().on("POST /images/create*", Reply::Stall(bytes))
}

fn half_way() -> Vec<u8> {
    progress(&[
        ("16", "Pulling from library/postgres", None),
        ("a1b2c3d4e5f6", "Pulling fs layer", None),
        ("b1b2c3d4e5f6", "Pulling fs layer", None),
        ("c1b2c3d4e5f6", "Already exists", None),
        ("d1b2c3d4e5f6", "Pulling fs layer", None),
        ("e1b2c3d4e5f6", "Waiting", None),
        ("a1b2c3d4e5f6", "Downloading", Some((1_000_000, 2_000_000))),
        ("a1b2c3d4e5f6", "Verifying Checksum", None),
        ("a1b2c3d4e5f6", "Download complete", None),
        ("a1b2c3d4e5f6", "Extracting", Some((2_000_000, 2_000_000))),
        ("a1b2c3d4e5f6", "Pull complete", None),
        ("b1b2c3d4e5f6", "Downloading", Some((12_300_000, 45_600_000))),
        ("d1b2c3d4e5f6", "Downloading", Some((1, 8_000_000))),
        ("d1b2c3d4e5f6", "Download complete", None),
        ("d1b2c3d4e5f6", "Extracting", Some((4_000_000, 8_000_000))),
    ])
}

/// `cube pull` on a terminal that can rewrite its lines.
fn pull(engine: &Scripted) -> Cube {
    engine.cube(["pull", "postgres:16"]).env("TERM", "xterm")
}

/// Stops a stalled pull, and returns what is on the screen afterwards.
fn interrupted(window: Window) -> String {
    window.signal(Signal::INT);
    let (code, screen) = window.finish();
    assert_eq!(code, 130, "{screen}");
    screen
}

#[test]
fn eighty_columns_have_a_bar_for_what_moves_and_a_total() {
    let engine = stalling(&half_way());
    let window = Window::open(pull(&engine), 80, 24);
    let screen = window.wait_until(|screen| screen.contains(" left"));
    let layers = "\
pulling postgres:16
a1b2c3d4e5f6  done
b1b2c3d4e5f6  downloading  [======>                    ]  12.3 MB of 45.6 MB
c1b2c3d4e5f6  already here
d1b2c3d4e5f6  extracting   [============>              ]  4.0 MB of 8.0 MB
e1b2c3d4e5f6  waiting
3 of 5 layers  22.3 MB of over 55.6 MB  ";
    assert!(screen.starts_with(layers), "{screen}");
    let rest = &screen[layers.len()..];
    assert!(rest.contains("/s  over ") && rest.ends_with(" left") && !rest.contains('\n'), "{screen}");
    assert!(!interrupted(window).contains("a1b2c3d4e5f6"));
}

#[test]
fn forty_columns_have_numbers_and_no_line_is_broken() {
    let engine = stalling(&half_way());
    let window = Window::open(pull(&engine), 40, 24);
    let screen = window.wait_until(|screen| screen.contains(" left"));
    let layers = "\
pulling postgres:16
a1b2c3d4e5f6  done
b1b2c3d4e5f6 downloading  26% 45.6 MB
c1b2c3d4e5f6  already here
d1b2c3d4e5f6 extracting   50% 8.0 MB
e1b2c3d4e5f6  waiting
22.3 MB of 55.6 MB  ";
    assert!(screen.starts_with(layers), "{screen}");
    assert_eq!(screen.lines().count(), 7, "{screen}");
    interrupted(window);
}

#[test]
fn a_window_that_becomes_narrow_shows_no_remains() {
    let engine = stalling(&half_way());
    let window = Window::open(pull(&engine), 80, 24);
    window.wait_until(|screen| screen.contains("[=====") && screen.contains(" left"));
    window.resize(40, 24);
    let screen = window.wait_until(|screen| screen.contains("downloading  26% 45.6 MB"));
    assert!(screen.starts_with("pulling postgres:16\na1b2c3d4e5f6  done\n"), "{screen}");
    assert!(!screen.contains('['), "{screen}");
    interrupted(window);
}

#[test]
fn layers_that_do_not_fit_are_counted() {
    let ids: Vec<String> = (0..2000).map(|number| format!("{number:012x}")).collect();
    let mut lines: Vec<_> = ids.iter().map(|id| (id.as_str(), "Pulling fs layer", None)).collect();
    lines.push((&ids[7], "Downloading", Some((1, 2))));
    let engine = stalling(&progress(&lines));
    let window = Window::open(pull(&engine), 80, 12);
    let screen = window.wait_until(|screen| screen.contains("downloading"));
    let expected = "\
pulling postgres:16
000000000007  downloading  [============>              ]  1 B of 2 B
… 255 more layers: 0 here, 255 waiting
0 of 256 layers";
    assert!(screen.starts_with(expected), "{screen}");
    interrupted(window);
}

#[test]
fn a_finished_pull_leaves_one_line() {
    let report = [half_way(), progress(&[("", &format!("Digest: {DIGEST}"), None)])].concat();
    for (term, columns) in [("xterm", 80), ("xterm", 40), ("dumb", 80)] {
        let engine = Scripted::new().on("POST /images/create*", Reply::chunks(&[&report]));
        let (code, screen) = Window::open(pull(&engine).env("TERM", term), columns, 24).finish();
        let lines = format!("pulling postgres:16\npulled postgres:16 ({DIGEST})\n{DIGEST}");
        assert_eq!((code, screen.replace('\n', "")), (0, lines.replace('\n', "")), "{term} {columns}");
    }
}

#[test]
fn progress_in_a_log_has_no_cursor_movement() {
    let report = [half_way(), progress(&[("", &format!("Digest: {DIGEST}"), None)])].concat();
    let engine = Scripted::new().on("POST /images/create*", Reply::chunks(&[&report]));
    let output = pull(&engine).any_stderr().output();
    assert_eq!(output.stderr, format!("pulling postgres:16\npulled postgres:16 ({DIGEST})\n"));
}

#[test]
fn a_real_registry_s_image_leaves_one_line_too() {
    for columns in [40, 80] {
        let bed = Bed::new();
        let image = Registry::open().publish(&bed, "1");
        let cube = bed.cube(["pull", &image.reference]).env("TERM", "xterm");
        let (code, screen) = Window::open(cube, columns, 24).finish();
        let lines = format!("pulling {0}pulled {0} ({1}){1}", image.reference, image.digest);
        assert_eq!((code, screen.replace('\n', "")), (0, lines));
    }
}
