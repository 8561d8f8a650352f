//! Tests of the real binary against real engines, registries and scripted answers.
//!
//! Without an engine, tests that need one are left out (`tests/run` installs and starts one). No test leaves anything
//! on the engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test ends by a panic
#![allow(clippy::needless_pass_by_value, clippy::must_use_candidate, clippy::return_self_not_must_use)]

mod testbed;

mod action;
mod address;
mod args;
mod attach;
mod auto_removed;
mod bed;
mod cause;
mod clock;
mod completions;
mod conditions;
mod config;
mod copies;
mod copy_faults;
mod cp;
mod descriptors;
mod disks;
mod docker_logs;
mod doctor;
mod endings;
mod engine_fails;
mod errors;
mod examples;
mod exec;
mod far_engine;
mod faults;
mod forms;
mod full_disk;
mod guard;
mod hang;
mod healthy;
mod hostile;
mod hosts;
mod inherited;
mod inspect;
mod kill;
mod killed;
mod layout;
mod left;
mod limits;
mod load;
mod logs;
mod named_files;
mod names;
mod networks;
mod outages;
mod output;
mod ownership;
mod port;
mod port_races;
mod protocols;
mod ps;
mod pull;
mod pull_display;
mod readme;
mod ready;
mod record;
mod recorded;
mod refusals;
mod restart;
mod run;
mod scripted;
mod signals;
mod ssh;
mod stalls;
mod static_binary;
mod stop;
mod stop_cases;
mod streams;
mod surroundings;
mod swarm;
mod terminal;
mod tls;
mod torture;
mod unheard;
mod usage;
mod wait;
mod wait_display;
mod wire;
mod with;
