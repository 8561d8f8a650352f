//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.
//!
//! [`Config`] describes what to run, [`Task`] is one run of it, [`Docker`] runs it on an engine, and [`DockerResult`]
//! or [`Error`] is the result. The library prints nothing and does not use a terminal.
//!
//! ```no_run
//! use std::io::{self, Write};
//!
//! use cube::{Config, Docker, LogOptions, StopOptions};
//!
//! # async fn database() -> Result<(), Box<dyn std::error::Error>> {
//! let docker = Docker::from_env()?;
//! let mut config = Config::new("postgres:13".parse()?);
//! config.process.env = vec!["POSTGRES_PASSWORD=secret".parse()?];
//! config.readiness.wait_for = vec!["postgres".parse()?];
//! // Pulled, created, started and ready. If that fails, nothing is left.
//! let db = docker.run(config).await?;
//! println!("{}", db.address(5432).await?);
//! let mut log = db.logs(&LogOptions::default()).await?;
//! while let Some(chunk) = log.next().await? {
//!     io::stdout().write_all(&chunk.bytes)?;
//! }
//! db.stop(&StopOptions::default()).await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod cause;
mod config;
mod docker;
mod error;
mod event;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod phases;
pub mod printable;
mod random_id;
mod result;
mod shell;
pub mod small_file;
mod state;
mod task;

pub use address::{Address, AddressChoice, Surroundings, Tls};
pub use cause::{Cause, CauseKind};
pub use config::value::{
    condition::{Condition, fail_on::FailOn, http::HttpCondition, server_protocol::ServerProtocol},
    copy::{CopyIn, CopyOut, CopySource, CopyWhen},
    device::{
        Device,
        gpus::GpuRequest,
        rate::{ByteRate, DeviceWeight, OperationRate},
    },
    duration,
    env::EnvVar,
    image::{ImageRef, platform::Platform, pull::PullPolicy},
    label::{parse_label, parse_label_file},
    mount::{
        Mount,
        full::{BindOptions, FullMount, MountKind, VolumeOptions},
        tmpfs::Tmpfs,
    },
    name::{Name, TaskRef},
    network::{NetworkAttachment, host_entry::HostEntry},
    port::{Binding, HostPort, Port, PortMapping, Protocol},
    restart::RestartPolicy,
    signal::Signal,
    size::{Cpus, Size, SwapLimit},
    standard_stream::StandardStream,
    ulimit::Ulimit,
};
pub use config::{
    Config, files::Files, health::HealthCheck, limits::Limits, logging::Logging, network::Network,
    process::Process, readiness::Readiness, security::Security, storage::Storage,
};
pub use docker::{
    Docker,
    container::{
        exec::{Exec, ExecOptions},
        exit::Exit,
        filter::ListFilter,
        first_process::FirstProcess,
        list::Listed,
        networks::OwnNetwork,
        stop::options::{StopOptions, Stopped, Unheard},
    },
    details::{Details, Health, Probe},
    files::{
        copy::{CopyOptions, TarStream},
        place::split_container,
        report::CopyReport,
    },
    handle::RunningTask,
    id::EngineId,
    image::logins::logins,
    info::{ControlGroups, EngineInfo},
    labels::owner::{Lifetime, Owner},
    output::{
        attach::{AttachOptions, Attachment, Input},
        frames::{Chunk, Stream},
        logs::LogOptions,
        tail::Tail,
        task_output::Follow,
    },
    run::{Run, observer::Observed},
    usage::{UsageWatch, counters::Usage},
};
pub use error::{Error, ErrorKind, Origin};
pub use event::{Event, Events};
pub use phases::Phases;
pub use random_id::random_id;
pub use result::{Action, DockerResult, Ports, Verdict};
pub use shell::shell_word;
pub use state::State;
pub use task::Task;
