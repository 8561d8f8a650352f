//! The cost of cube, the Docker CLI, the bare API and curl, measured in turn on the same engine.
//!
//! `cargo bench --locked --bench cost` prints a table on standard error and JSON on standard output; `-- --quick` takes
//! three minutes; `-- PART` measures only jobs whose name contains PART. `-- --smoke` only checks in seconds that
//! everything still runs. `CUBE_BENCH_BEFORE=PATH` measures an older binary too, `CUBE_BENCH_CUBE=PATH`
//! another one in place of the one that was built with it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::exit)] // no part of cube

mod api;
mod build;
mod instructions;
mod measure;
mod programs;
mod proxy;
mod report;
mod testbed;
mod workloads;

use proxy::Proxy;
use report::Row;
use testbed::Engine;
use workloads::{Size, Workload};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((verb, rest)) if verb == "measure" => measure::serve(rest, false),
        Some((verb, rest)) if verb == "measure-together" => measure::serve(rest, true),
        Some((verb, rest)) if verb == "api" => api::serve(rest),
        Some(_) if words.iter().any(|word| word == "--bench") => measured(&words),
        // `cargo test --all-targets` starts it too.
        _ => eprintln!("measured only by: cargo bench --locked --bench cost"),
    }
}

fn measured(words: &[String]) {
    let before = programs::before();
    if words.iter().any(|word| word == "--smoke") {
        rows(&workloads::SMOKE, "");
        instructions::counts(before);
        return;
    }
    let quick = words.iter().any(|word| word == "--quick");
    let part = words.iter().find(|word| !word.starts_with("--")).map_or("", String::as_str);
    let rows = rows(if quick { &workloads::QUICK } else { &workloads::FULL }, part);
    let counts = if part.is_empty() || part == "instructions" { instructions::counts(before) } else { None };
    let build = build::costs(!quick && part.is_empty(), before);
    let counted = counts.as_ref().map(instructions::table).unwrap_or_default();
    eprintln!("\n{}\n{counted}\n{}", report::table(&rows), build::sentence(&build));
    println!("{:#}", report::document(&rows, counts.as_ref(), &build));
}

fn rows(size: &Size, part: &str) -> Vec<Row> {
    let engine = Engine::under_test();
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::before(engine.host().trim_start_matches("unix://"), folder.path());
    workloads::clear(engine);
    let all = workloads::all(engine, size);
    let chosen =
        all.iter().filter(|workload| workload.clients[0].phases.iter().any(|(name, _)| name.contains(part)));
    chosen.flat_map(|workload| measure_one(workload, engine, &proxy)).collect()
}

fn measure_one(workload: &Workload, engine: &Engine, proxy: &Proxy) -> Vec<Row> {
    eprintln!("{} …", workload.clients[0].phases[0].0);
    workload.prepare(engine);
    let mut rows = counted(workload, engine, proxy);
    for _ in 0..workload.rounds {
        let mut row = rows.iter_mut();
        for client in &workload.clients {
            for ((_, phase), row) in client.phases.iter().zip(&mut row) {
                row.runs.push(phase.run(engine, &engine.host()));
            }
        }
    }
    workloads::clear(engine);
    rows
}

/// A pass through the proxy: it counts, and warms up.
fn counted(workload: &Workload, engine: &Engine, proxy: &Proxy) -> Vec<Row> {
    let mut rows = vec![];
    for client in &workload.clients {
        for (name, phase) in &client.phases {
            proxy.take();
            phase.run(engine, &proxy.host());
            rows.push(Row {
                workload: name.clone(),
                client: client.name,
                runs: vec![],
                counted: proxy.take(),
            });
        }
    }
    rows
}
