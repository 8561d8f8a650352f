//! A standard output that cannot be written to, as on a full disk: an error, never a success, and nothing left.

use crate::testbed::{Bed, Cube, probe};

const WHY: &str = "No space left on device";

fn fails(cube: Cube, code: i32) {
    cube.onto_a_full_disk().fails(code).stderr_has("cannot write the output").stderr_has(WHY).output();
}

#[test]
fn a_run_that_cannot_print_the_id_leaves_no_task() {
    let (bed, image) = (Bed::new(), probe());
    for output in ["text", "json", "env"] {
        fails(bed.run(["-o", output, "--image", &image, "forever"]), 125);
        bed.assert_empty();
    }
}

#[test]
fn an_attached_task_is_removed_if_its_output_cannot_be_written() {
    let (bed, image) = (Bed::new(), probe());
    for rest in [&["out=hello"][..], &["out=hello", "forever"], &["lines=100000x100", "forever"]] {
        fails(bed.run(["--attach", "--image", &image].iter().chain(rest)), 125);
        bed.assert_empty();
    }
}

#[test]
fn reading_commands_report_unprintable_output_and_leave_the_task() {
    let (bed, image) = (Bed::new(), probe());
    let task = bed.start(["--wait-for", "log=hello", "--image", &image, "out=hello", "forever"]);
    let id = task.id.as_str();
    let commands: [&[&str]; 9] = [
        &["logs", id],
        &["logs", "-f", id],
        &["exec", id, "/probe", "out=in"],
        &["inspect", id],
        &["ps"],
        &["ps", "-q"],
        &["-o", "json", "ps"],
        &["completions", "bash"],
        &["man"],
    ];
    for command in commands {
        fails(bed.cube(command), 1);
    }
    fails(bed.cube(["ps", "--help"]), 1);
    fails(bed.cube(["run", "--help"]), 125);
    assert_eq!(task.inspect()["State"]["Running"], true);
}

#[test]
fn commands_with_effect_report_unprintable_output() {
    let (bed, image) = (Bed::new(), probe());
    let task = bed.start(["--image", &image, "exit=0"]);
    fails(bed.cube(["wait", &task.id]), 1);
    fails(bed.cube(["stop", &task.id]), 1);
    assert!(!task.exists());
}
