//! Low limits of open files: cube works or reports the limit; it neither panics nor ends silently.

use std::time::{Duration, Instant};

use crate::testbed::{Bed, probe};

/// Checks that everything is removed, by the guard if cube itself could not do it.
fn nothing_is_left(bed: &Bed) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !bed.containers().is_empty() {
        assert!(Instant::now() < deadline, "left {:?}", bed.containers());
        // Polls: the guard reports nothing when it is done.
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_named() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let attached = ["run", "--attach", "--label", &label, "--image", &image, "out=hi"];
    let with = ["with", "--label", &label, "--image", &image, "forever", "--", "echo", "hi"];
    let commands: [(&[&str], i32); 4] =
        [(&["ps"], 1), (&attached, 125), (&with, 125), (&["-o", "json", "ps"], 1)];
    for (command, failure) in commands {
        for limit in 4..=14 {
            let cube = bed.cube(command).by_shell(&format!(r#"ulimit -n {limit}; exec "$@""#));
            let output = cube.ends_somehow().output();
            let said = || format!("{command:?} with {limit}: {output:?}");
            assert!(!output.stderr.contains("panicked"), "{}", said());
            if output.status != 0 {
                assert_eq!(output.status, failure, "{}", said());
                assert!(output.stderr.contains("open files"), "{}", said());
                assert!(output.stderr.contains("ulimit"), "{}", said());
            }
            nothing_is_left(&bed);
        }
    }
}
