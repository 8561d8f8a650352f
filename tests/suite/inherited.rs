//! Signals that the parent process ignores or blocks, and signals sent to the guard.

use rustix::process::{Pid, Signal, kill_process};

use crate::testbed::{Bed, probe};

#[test]
fn a_command_s_code_is_known_even_if_sigchld_is_ignored() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let with = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", "exit 7"];
    bed.cube(with).by_shell(r#"trap '' CHLD; exec "$@""#).exits(7).output();
    bed.assert_empty();
}

#[test]
fn a_signal_blocked_by_the_parent_still_ends_cube() {
    let bed = Bed::new();
    let blocked = r#"exec env --block-signal "$@""#;
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let run = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]);
        let mut running = run.by_shell(blocked).ends(code).spawn();
        running.wait_for_stdout("up\n");
        running.signal(signal);
        running.finish();
        bed.assert_empty();
    }
    // Processes started by cube have default signal settings.
    let (label, image) = (bed.label(), probe());
    let script = "grep SigBlk /proc/self/status";
    let with = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", script];
    assert_eq!(bed.cube(with).by_shell(blocked).text(), "SigBlk:\t0000000000000000\n");
}

#[test]
fn no_signal_that_can_be_blocked_ends_the_guard() {
    let bed = Bed::new();
    let mut running = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    let guard = running.guard();
    let signals = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::PIPE,
        Signal::ALARM,
        Signal::TERM,
        Signal::XCPU,
        Signal::XFSZ,
        Signal::VTALARM,
        Signal::PROF,
        Signal::POWER,
        Signal::SYS,
    ];
    for signal in signals {
        kill_process(Pid::from_raw(guard.try_into().unwrap()).unwrap(), signal).unwrap();
    }
    bed.is_empty_after_kill(running);
}

#[test]
fn the_guard_s_command_line_does_not_contain_cube_s() {
    let bed = Bed::new();
    let running = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]).ends(143).spawn();
    bed.wait_for_start();
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", running.guard())).unwrap();
    let own = std::fs::read_to_string(format!("/proc/{}/cmdline", running.pid())).unwrap();
    let id = bed.engine().container(&bed.containers()[0])["Config"]["Labels"]["cube.task.id"].clone();
    assert_eq!(line.trim_end_matches('\0'), format!("task-guard\0{}", id.as_str().unwrap()));
    assert!(own.contains(&bed.label()) && own.contains("forever"), "{own}");
    running.signal(Signal::TERM);
    running.finish();
}
