//! A `PostgreSQL` task through its whole life, step by step: create, start, wait until it is ready, inspect, stop and
//! remove.
//!
//! `cargo run --example lifecycle -- IMAGE` (default `postgres:13`).

use cube::{Config, Docker, EnvVar, Error, Run, RunningTask, StopOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let image = std::env::args().nth(1).unwrap_or_else(|| "postgres:13".to_owned());
    let mut config = Config::new(image.parse()?);
    config.process.env.push(EnvVar::new("POSTGRES_USER", Some("cube".to_owned()))?);
    config.process.env.push(EnvVar::new("POSTGRES_PASSWORD", Some("secret".to_owned()))?);
    config.readiness.wait_for.push("postgres".parse()?);

    let mut run = Docker::from_env()?.run(config).on_event(|event| println!("{event:?}"));
    println!("{:?}", run.task().state());
    let task = match begin(&mut run).await {
        Ok(task) => task,
        Err(error) => {
            run.discard().await?;
            return Err(error);
        }
    };
    // Whatever comes of the middle, the task goes.
    let shown = show(&task).await;
    let stopped = task.stop(&StopOptions::default()).await?;
    shown?;
    println!("{:?} {:?}", stopped.action, stopped.result);
    Ok(())
}

async fn begin(run: &mut Run<'_>) -> Result<RunningTask, Error> {
    let task = run.create().await?;
    println!("{:?} {}", run.task().state(), task.id());
    let task = run.start(task).await?;
    run.ready(&task).await?;
    Ok(task)
}

async fn show(task: &RunningTask) -> Result<(), Error> {
    let details = task.inspect().await?;
    println!("{:?}", details.state());
    for (port, bindings) in details.ports(task.docker().address()) {
        println!("{port} is published {} times", bindings.len());
    }
    Ok(())
}
