//! A `PostgreSQL` task through its whole life: create, start, wait until it is ready, inspect, stop and remove.
//!
//! `cargo run --example lifecycle -- IMAGE` (default `postgres:13`).

use cube::{
    Action, Address, AddressChoice, Config, Docker, EnvVar, Error, StopOptions, Surroundings, Task, TaskRef,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let surroundings = Surroundings::of_process();
    let address = Address::resolve(&AddressChoice::default(), &surroundings)?;
    let docker = Docker::connect(address, &surroundings, Docker::ANSWER_TIMEOUT)?;

    let image = std::env::args().nth(1).unwrap_or_else(|| "postgres:13".to_owned());
    let mut config = Config::new(image.parse()?);
    config.process.env.push(EnvVar::new("POSTGRES_USER", Some("cube".to_owned()))?);
    config.process.env.push(EnvVar::new("POSTGRES_PASSWORD", Some("secret".to_owned()))?);
    let mut task = Task::new(config);
    println!("{:?}", task.state());

    let started = docker.run(&mut task, &mut |_event| {}).await?;
    let id = started.container_id.unwrap_or_default();
    // Whatever comes of the middle, the task goes.
    let used = watch(&docker, &id, &mut task).await;
    let stopped = docker.stop(&id.parse::<TaskRef>()?, &StopOptions::default()).await?;
    used?;
    println!("{:?} {:?}", stopped.action, stopped.result);
    Ok(())
}

async fn watch(docker: &Docker, id: &str, task: &mut Task) -> Result<(), Error> {
    docker.ready(id, &["port=5432".parse()?], Some(Config::WAIT_TIMEOUT)).await?;
    let seen = docker.result(Action::Inspect, task).await?;
    println!("{:?}", task.state());
    for (port, bindings) in &seen.ports {
        println!("{port} is published {} times", bindings.len());
    }
    Ok(())
}
