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
//! config.process.env.push(EnvVar::new("POSTGRES_PASSWORD", Some("secret".to_owned()))?);
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
mod docker;
mod error;
mod event;
mod result;
mod state;
mod task;

pub use address::{Address, AddressChoice, Surroundings, Tls};
pub use config::value::{
    condition::Condition,
    duration,
    env::EnvVar,
    host_entry::HostEntry,
    image::ImageRef,
    label::{parse_label, parse_label_file},
    mount::Mount,
    name::{Name, TaskRef},
    platform::Platform,
    port::{Binding, HostPort, Port, PortMapping, Protocol},
    pull::PullPolicy,
    restart::RestartPolicy,
    signal::Signal,
    size::{Cpus, Size},
    standard_stream::StandardStream,
    tmpfs::Tmpfs,
};
pub use config::{
    Config, health::HealthCheck, limits::Limits, logging::Logging, network::Network, process::Process,
    readiness::Readiness, storage::Storage,
};
pub use docker::{
    Docker,
    container::{
        exec::{Exec, ExecOptions},
        list::Listed,
        stop::StopOptions,
        wait::Exit,
    },
    details::{Details, Health, Probe},
    handle::Follow,
    image::logins::logins,
    info::EngineInfo,
    output::{
        attach::{Attachment, Input},
        frames::{Chunk, Stream},
        logs::{LogOptions, Logs, Tail},
    },
    owner::{Lifetime, Owner},
};
pub use error::{Error, ErrorKind, Origin};
pub use event::{Event, Events};
pub use result::{Action, DockerResult, Ports, Verdict};
pub use state::State;
pub use task::Task;
