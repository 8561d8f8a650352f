//! `cube logs`: the task's output, with separate streams.

use crate::testbed::{Bed, Task, probe, shell};

fn ended<'bed>(bed: &'bed Bed, actions: &[&str]) -> Task<'bed> {
    let task = bed.start(["--image", &probe()].iter().chain(actions));
    task.ended();
    task
}

#[test]
fn the_streams_are_kept_apart() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=one", "err=two", "out=three"]);
    let output = bed.cube(["logs", &task.id]).any_stderr().output();
    assert_eq!((output.text().as_str(), output.stderr.as_str()), ("one\nthree\n", "two\n"));
}

#[test]
fn n_is_the_last_lines() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=1", "out=2", "out=3"]);
    let last = |n: &str| bed.cube(["logs", "-n", n, &task.id]).text();
    assert_eq!((last("1").as_str(), last("2").as_str()), ("3\n", "2\n3\n"));
    assert_eq!((last("0").as_str(), last("all").as_str()), ("", "1\n2\n3\n"));
}

#[test]
fn t_puts_the_engine_s_time_before_each_line() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=1", "out=2"]);
    let text = bed.cube(["logs", "-t", &task.id]).text();
    for (line, said) in text.lines().zip(["1", "2"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        // podman before 5.8 reports whole seconds only.
        let to_the_second = bed.engine().is_podman() && time.len() == "2026-01-02T03:04:05Z".len();
        assert!(to_the_second || time.len() == "2026-01-02T03:04:05.123456789Z".len(), "{line}");
        assert_eq!(rest, said);
        assert!(time.ends_with('Z'), "{time}");
    }
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn since_and_until_cut_by_time() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=early", "sleep=2.1", "out=late"]);
    let stamped = bed.cube(["logs", "-t", &task.id]).text();
    let late = stamped.lines().find(|line| line.ends_with("late")).unwrap().split(' ').next().unwrap();
    let logs = |args: &[&str]| bed.cube(["logs", &task.id].iter().chain(args)).text();
    // podman cuts after the time.
    if !bed.engine().is_podman() {
        assert_eq!(logs(&["--since", late]), "late\n");
    }
    assert_eq!(logs(&["--since", "1h"]), "early\nlate\n");
    assert_eq!(logs(&["--until", "1h"]), "");
    assert_eq!(logs(&["--until", "0"]), "early\nlate\n");
    let middle = format!("{}Z", &late[.."2026-01-02T03:04:05".len()]);
    assert_eq!(logs(&["--until", &middle]), "early\n");
    assert_eq!(logs(&["--since", &middle]), "late\n");
}

#[test]
fn f_follows_until_the_task_ends() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--stop-timeout", "5", "out=up", "say-signals", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    let kill = format!("/containers/{}/kill?signal=TERM", task.id);
    bed.engine().send("POST", &kill, &[], &[]);
    assert_eq!(logs.finish().text(), "up\nsignal 15\n");
}

#[test]
fn f_shows_output_written_at_the_very_end_too() {
    let bed = Bed::new();
    let lines: Vec<_> = (0..200).map(|i| format!("out={i}")).collect();
    let wanted: String = (0..200).map(|i| format!("{i}\n")).chain(["end".to_owned()]).collect();
    for _ in 0..15 {
        let words = ["--image", &probe()].map(str::to_owned).into_iter().chain(lines.clone());
        let task = bed.start(words.chain(["out-raw=end".to_owned()]));
        assert_eq!(bed.cube(["logs", "-f", &task.id]).text(), wanted);
        let stamped = bed.cube(["logs", "-f", "-t", "-n", "3", &task.id]).text();
        assert!(stamped.ends_with("Z end") && stamped.lines().count() == 3, "{stamped}");
    }
}

#[test]
fn a_task_without_output_has_empty_logs() {
    let bed = Bed::new();
    let task = ended(&bed, &["exit=0"]);
    assert!(bed.cube(["logs", &task.id]).output().stdout.is_empty());
}

#[test]
fn a_wrong_time_is_a_wrong_command_line() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=1"]);
    bed.cube(["logs", "--since", "yesterday", &task.id]).fails(2).stderr_has("yesterday").output();
}

#[test]
fn a_missing_task_is_named() {
    let bed = Bed::new();
    bed.cube(["logs", bed.name()]).fails(1).stderr_has(bed.name()).output();
}

#[test]
fn a_name_may_begin_with_a_slash_as_the_engine_writes_it() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--name", bed.name(), "out=here"]);
    task.ended();
    assert_eq!(bed.cube(["logs", &format!("/{}", bed.name())]).text(), "here\n");
}

#[test]
fn as_json_the_object_is_the_last_line_of_stderr() {
    let bed = Bed::new();
    let task = ended(&bed, &["out=mine", "err=also"]);
    let output = bed.cube(["-o", "json", "logs", &task.id]).ends(0).output();
    assert_eq!(output.text(), "mine\n");
    let object: serde_json::Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&object["action"], &object["container_id"]),
        (&"logs".into(), &(*task.id).into()),
        "{object}"
    );
}

#[test]
fn a_followed_log_ends_at_the_requested_time() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=one", "out=two", "forever"]);
    let mut follow = bed.cube(["logs", "-f", &task.id]).ends(130).spawn();
    follow.wait_for_stdout("two\n");
    follow.wait_until_handling(rustix::process::Signal::INT);
    follow.signal(rustix::process::Signal::INT);
    follow.finish();
    let soon = (chrono::Utc::now() + chrono::Duration::seconds(1)).to_rfc3339();
    for until in ["0s", &soon] {
        assert_eq!(bed.cube(["logs", "-f", "--until", until, &task.id]).text(), "one\ntwo\n", "{until}");
    }
}

#[test]
fn lines_that_fill_whole_parts_keep_their_newlines() {
    let bed = Bed::new();
    let of = |size: usize, byte: char| format!("head -c {size} /dev/zero | tr '\\0' {byte}");
    for (last, ends) in [("; echo", "\n"), ("", "")] {
        let script = format!(
            "{}; echo; {}; echo; echo c; {}; echo; {}; echo; {}{last}",
            of(16_384, 'a'),
            of(16_384, 'b'),
            of(40_000, 'd'),
            of(32_768, 'e'),
            of(32_768, 'f'),
        );
        let task = bed.start(["--image", &shell(), "sh", "-c", &script]);
        task.ended();
        let line = |size: usize, byte: &str| byte.repeat(size);
        let tail = format!("{}\n{}{ends}", line(32_768, "e"), line(32_768, "f"));
        let whole = format!("{}\n{}\nc\n{}\n{tail}", line(16_384, "a"), line(16_384, "b"), line(40_000, "d"));
        for args in [&["logs"][..], &["logs", "-f"], &["logs", "-n", "all"]] {
            let text = bed.cube(args.iter().chain(&[task.id.as_str()])).text();
            assert!(text == whole, "{args:?} gave {} bytes of {}", text.len(), whole.len());
        }
    }
}

#[test]
fn the_last_lines_are_not_joined_where_they_begin_within_a_long_one() {
    let bed = Bed::new();
    let script = "head -c 20000 /dev/zero | tr '\\0' =; echo; echo four";
    let task = bed.start(["--wait-for", "exit", "--image", &shell(), "sh", "-c", script]);
    let text = bed.cube(["logs", "-n", "2", &task.id]).text();
    assert!(text.ends_with("=\nfour\n"), "{:?}", text.split_at(text.len().saturating_sub(20)).1);
}
