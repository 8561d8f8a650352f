//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.
//!
//! [`Config`] is what to run, [`Task`] one run of it, [`Docker`] the runner on one engine, and
//! [`DockerResult`] or [`Error`] what came of it. The library prints nothing and reads no terminal.
//!
//! ```no_run
//! use cube::{Address, AddressChoice, Config, Docker, EnvVar, StopOptions, Surroundings, Task};
//!
//! # async fn database() -> Result<(), cube::Error> {
//! let surroundings = Surroundings::of_process();
//! let address = Address::resolve(&AddressChoice::default(), &surroundings)?;
//! let docker = Docker::connect(address, &surroundings, Docker::ANSWER_TIMEOUT)?;
//!
//! let mut config = Config::new("postgres:13".parse()?);
//! config.env.push(EnvVar::new("POSTGRES_PASSWORD", Some("secret".to_owned()))?);
//! let started = docker.run(&mut Task::new(config), &mut |_event| {}).await?;
//! let id = started.container_id.unwrap_or_default();
//! docker.ready(&id, &["port=5432".parse()?], Some(Config::WAIT_TIMEOUT)).await?;
//! println!("{:?}", started.ports);
//! docker.stop(&id.parse()?, &StopOptions::default()).await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod config;
mod decimal;
mod docker;
pub mod duration;
mod env;
mod error;
mod event;
mod host_entry;
mod image;
mod key_value_file;
mod label;
mod mount;
mod name;
mod owner;
mod platform;
mod port;
mod quantity;
mod ready;
mod restart;
mod result;
mod signal;
mod state;
mod task;
mod text;
mod timestamp;
mod tmpfs;

pub use address::{Address, AddressChoice, Surroundings, Tls};
pub use config::{Config, HealthCheck, PullPolicy};
pub use docker::{
    Attachment, Chunk, Container, Docker, Exec, ExecOptions, Exit, Follow, Health, Input, Listed, LogOptions,
    Logs, Probe, StopOptions, Stream, Tail,
};
pub use env::EnvVar;
pub use error::{Error, ErrorKind, Origin};
pub use event::{Event, Events};
pub use host_entry::HostEntry;
pub use image::ImageRef;
pub use label::{parse_label, parse_label_file};
pub use mount::Mount;
pub use name::{Name, TaskRef};
pub use owner::{Bond, Owner};
pub use platform::Platform;
pub use port::{Binding, HostPort, Port, PortMapping, Protocol};
pub use quantity::{Cpus, Size};
pub use ready::Condition;
pub use restart::RestartPolicy;
pub use result::{Action, DockerResult, Outcome, Ports};
pub use signal::Signal;
pub use state::State;
pub use task::Task;
pub use timestamp::parse_when;
pub use tmpfs::Tmpfs;
