//! `postgres`, `mysql`, `redis`, `amqp`: ready when the real server accepts clients, and not earlier.
//!
//! `CUBE_TEST_STARTS=20` makes twenty starts of each server instead of two.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::testbed::sshd::Sshd;
use crate::testbed::{Bed, Task, image, probe_with};

/// A time limit for servers, which start slowly on a busy machine.
const LONG: Duration = Duration::from_mins(5);

fn starts() -> u32 {
    std::env::var("CUBE_TEST_STARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The flags of a wait for `condition` in a new container of `image`.
fn waiting<'a>(condition: &'a str, image: &'a str) -> Vec<&'a str> {
    vec!["--wait-for", condition, "--wait-timeout", "4m", "--image", image, "--"]
}

fn start<'bed>(bed: &'bed Bed, flags: &[&str], args: &[&str]) -> Task<'bed> {
    let id = bed.run(flags.iter().chain(args)).within(LONG).any_stderr().text();
    bed.task(id.trim_end())
}

/// The server's answer to the first bytes of a client, in one connection.
fn ask(task: &Task, port: &str, question: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(("127.0.0.1", task.host_port(port))).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    server.write_all(question).unwrap();
    let mut answer = vec![0; 4096];
    let size = server.read(&mut answer).unwrap();
    answer.truncate(size);
    answer
}

/// A client program of the image itself, run in the container against the port that others reach too.
fn query(bed: &Bed, task: &Task, command: &[&str]) -> String {
    let words = ["exec", &task.id].into_iter().chain(command.iter().copied());
    bed.cube(words).within(LONG).any_stderr().text()
}

/// Kills the server with SIGKILL, and starts it again with the same data.
fn crash(bed: &Bed, task: &Task) {
    let before = task.inspect()["State"]["StartedAt"].clone();
    bed.engine().post(&format!("/containers/{}/kill?signal=KILL", task.id), &Value::Null);
    assert_eq!(task.ended(), 137);
    bed.engine().post(&format!("/containers/{}/start", task.id), &Value::Null);
    task.wait_until(|seen| seen["State"]["StartedAt"] != before);
}

fn wait_for(bed: &Bed, task: &Task, condition: &str) {
    let wait = ["wait", "--for", condition, "--timeout", "4m", &task.id];
    bed.cube(wait).within(LONG).any_stderr().output();
}

#[test]
fn the_first_query_after_ready_succeeds_on_a_postgresql_that_had_to_be_made_first() {
    let bed = Bed::new();
    let image = image::postgres();
    for _ in 0..starts() {
        let env = ["-e", "POSTGRES_PASSWORD=secret", "-e", "POSTGRES_DB=app"];
        let task = start(&bed, &env, &waiting("postgres", &image));
        let url = "postgresql://postgres:secret@127.0.0.1/app";
        assert_eq!(query(&bed, &task, &["psql", url, "-Atc", "select 6 * 7"]).trim(), "42");
    }
}

#[test]
fn a_postgresql_that_recovers_is_not_ready_until_it_has() {
    let bed = Bed::new();
    let image = image::postgres();
    let task = start(&bed, &["-e", "POSTGRES_PASSWORD=secret"], &waiting("postgres", &image));
    let url = "postgresql://postgres:secret@127.0.0.1/postgres";
    query(&bed, &task, &["psql", url, "-c", "create table t as select g from generate_series(1, 300000) g"]);
    for _ in 0..starts() {
        query(&bed, &task, &["psql", url, "-c", "update t set g = g + 1"]);
        crash(&bed, &task);
        wait_for(&bed, &task, "postgres");
        assert_eq!(query(&bed, &task, &["psql", url, "-Atc", "select count(*) from t"]).trim(), "300000");
    }
}

#[test]
fn the_first_query_after_ready_succeeds_on_a_mysql_that_had_to_be_made_first() {
    let bed = Bed::new();
    let image = image::server("mariadb");
    for _ in 0..starts() {
        let task = start(&bed, &[], &waiting("mysql", &image));
        let client =
            ["mariadb", "--no-defaults", "-h127.0.0.1", "-uapp", "-psecret", "app", "-Nse", "select 6 * 7"];
        assert_eq!(query(&bed, &task, &client).trim(), "42");
    }
}

#[test]
fn a_mysql_that_recovers_is_not_ready_until_it_has() {
    let bed = Bed::new();
    let task = start(&bed, &[], &waiting("mysql", &image::server("mariadb")));
    let client = ["mariadb", "--no-defaults", "-h127.0.0.1", "-uapp", "-psecret", "app", "-Nse"];
    let ask = |sql: &str| query(&bed, &task, &[&client[..], &[sql]].concat());
    ask("create table t (n int) engine=innodb");
    for round in 1..=starts() {
        ask("insert into t select seq from seq_1_to_50000");
        crash(&bed, &task);
        wait_for(&bed, &task, "mysql");
        assert_eq!(ask("select count(*) from t").trim(), (round * 50_000).to_string());
    }
}

#[test]
fn two_hundred_probes_do_not_block_the_host_at_a_mysql() {
    let bed = Bed::new();
    let image = image::server("mariadb");
    let task = start(&bed, &[], &waiting("mysql", &image));
    for _ in 0..200 {
        bed.cube(["wait", "--for", "mysql", &task.id]).within(LONG).any_stderr().output();
    }
    let greeting = ask(&task, "3306/tcp", b"");
    assert_eq!(greeting.get(4), Some(&10), "{:?}", String::from_utf8_lossy(&greeting));
}

#[test]
fn the_first_command_after_ready_succeeds_on_a_redis() {
    let bed = Bed::new();
    let image = image::server("redis");
    for _ in 0..starts() {
        let task = start(&bed, &[], &[&waiting("redis", &image)[..], &["--protected-mode", "no"]].concat());
        assert_eq!(ask(&task, "6379/tcp", b"SET a 1\r\n"), b"+OK\r\n");
        let closed =
            start(&bed, &[], &[&waiting("redis", &image)[..], &["--requirepass", "secret"]].concat());
        assert_eq!(ask(&closed, "6379/tcp", b"AUTH secret\r\n"), b"+OK\r\n");
    }
}

#[test]
fn a_redis_that_loads_its_data_is_not_ready_until_it_has() {
    let bed = Bed::new();
    let image = image::server("redis");
    for _ in 0..starts() {
        // As slow as loading a huge file: 10 ms for each key, while clients get answers.
        let slow = ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"];
        let server = ["--protected-mode", "no", "--enable-debug-command", "yes"];
        let flags = ["--env", "LOAD=100000", "--wait-for", "log=Loading RDB", "--image", &image, "--"];
        let task = start(&bed, &flags, &[&server[..], &slow].concat());
        let wait = ["wait", "--for", "redis", "--timeout", "2s", &task.id];
        bed.cube(wait).within(LONG).ends(124).stderr_has("LOADING Redis is loading the dataset").output();
        let begins = ["wait", "--for", "redis", "--timeout", "4m", &task.id];
        let waiting = bed.cube(begins).within(LONG).any_stderr().spawn();
        ask(&task, "6379/tcp", b"CONFIG SET key-load-delay 0\r\n");
        waiting.finish();
        let keys = ask(&task, "6379/tcp", b"DBSIZE\r\n");
        assert_eq!(String::from_utf8_lossy(&keys), ":100000\r\n");
    }
}

#[test]
fn a_redis_that_was_killed_is_ready_with_its_data() {
    let bed = Bed::new();
    let image = image::server("redis");
    let server = ["--protected-mode", "no", "--appendonly", "yes", "--appendfsync", "always"];
    let task = start(&bed, &[], &[&waiting("redis", &image)[..], &server].concat());
    for round in 1..=starts() {
        let added = ask(&task, "6379/tcp", b"INCR rounds\r\n");
        assert_eq!(String::from_utf8_lossy(&added), format!(":{round}\r\n"));
        crash(&bed, &task);
        wait_for(&bed, &task, "redis");
    }
}

#[test]
fn a_server_behind_ssh_is_asked_too() {
    let (bed, sshd, image) = (Bed::new(), Sshd::shared(), image::server("redis"));
    let server = ["--requirepass", "secret"];
    let run = bed.run([&waiting("redis", &image)[..], &server].concat());
    let id = sshd.carry(&bed, run).within(LONG).any_stderr().text();
    assert_eq!(ask(&bed.task(id.trim_end()), "6379/tcp", b"AUTH secret\r\n"), b"+OK\r\n");
}

#[test]
fn a_redis_in_protected_mode_ends_the_wait_with_the_remedy() {
    let bed = Bed::new();
    let image = image::server("redis");
    bed.run(waiting("redis", &image))
        .within(LONG)
        .ends(125)
        .stderr_has("protected mode")
        .stderr_has("requirepass")
        .output();
}

#[test]
fn the_first_connection_after_ready_succeeds_on_a_rabbitmq() {
    let bed = Bed::new();
    let image = image::server("rabbitmq");
    for _ in 0..starts() {
        let task = start(&bed, &[], &waiting("amqp", &image));
        let start = ask(&task, "5672/tcp", b"AMQP\0\0\x09\x01");
        assert_eq!(start.get(7..11), Some(&[0, 10, 0, 10][..]), "{start:?}");
    }
}

#[test]
fn a_rabbitmq_that_was_killed_is_not_ready_until_it_is_back() {
    let bed = Bed::new();
    let task = start(&bed, &[], &waiting("amqp", &image::server("rabbitmq")));
    for _ in 0..starts() {
        crash(&bed, &task);
        wait_for(&bed, &task, "amqp");
        let start = ask(&task, "5672/tcp", b"AMQP\0\0\x09\x01");
        assert_eq!(start.get(7..11), Some(&[0, 10, 0, 10][..]), "{start:?}");
    }
}

#[test]
fn ready_takes_the_protocol_of_an_exposed_port() {
    let bed = Bed::new();
    let image = image::server("redis");
    let server = ["--requirepass", "secret"];
    let task = start(&bed, &[], &[&waiting("ready", &image)[..], &server].concat());
    assert_eq!(ask(&task, "6379/tcp", b"AUTH secret\r\n"), b"+OK\r\n");
    // A port without a known protocol: ready when something listens.
    let other = probe_with(&["EXPOSE 80"]);
    bed.start(["--wait-for", "ready", "--image", &other, "sleep=0.3", "listen=0.0.0.0:80", "forever"]);
    let checked = probe_with(&["EXPOSE 80", r#"HEALTHCHECK --interval=10m CMD ["/probe", "exists=/tmp"]"#]);
    bed.start(["--wait-for", "ready", "--image", &checked, "forever"]);
}

#[test]
fn another_protocol_on_the_port_is_named() {
    let bed = Bed::new();
    let served = probe_with(&["EXPOSE 5432", "EXPOSE 3306", "EXPOSE 6379", "EXPOSE 5672"]);
    for (condition, port) in [("redis", 6379), ("amqp", 5672), ("postgres", 5432)] {
        let http = format!("http=0.0.0.0:{port}/200");
        bed.run(["--wait-for", condition, "--wait-timeout", "6s", "--image", &served, &http, "forever"])
            .ends(124)
            .stderr_has("what answers does not speak")
            .output();
    }
    let greets = ["--image", &served, "listen=0.0.0.0:3306", "forever"];
    bed.run(["--wait-for", "mysql", "--wait-timeout", "4s"].into_iter().chain(greets))
        .ends(124)
        .stderr_has("does not speak MySQL: it began with \"hello")
        .output();
}

#[test]
fn a_server_that_dies_while_it_loads_ends_the_wait_at_once() {
    let bed = Bed::new();
    let image = image::server("redis");
    let server = ["--loadmodule", "/no/such/module.so"];
    bed.run(waiting("redis", &image).into_iter().chain(server))
        .within(LONG)
        .ends(125)
        .stderr_has("exited with code 1 before it was ready")
        .output();
    let postgres = image::postgres();
    bed.run(waiting("postgres", &postgres))
        .within(LONG)
        .ends(125)
        .stderr_has("POSTGRES_PASSWORD is not set")
        .output();
}

#[test]
fn a_port_that_is_not_published_is_refused_at_once() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80"]);
    bed.run(["--wait-for", "postgres", "--image", &image, "forever"])
        .ends(125)
        .stderr_has("port 5432/tcp is not published")
        .stderr_has("-p 5432")
        .output();
}
