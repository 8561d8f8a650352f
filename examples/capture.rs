//! Runs a command in a task, collects what it wrote to stdout and stderr, and tells its exit code.
//!
//! `cargo run --example capture -- IMAGE COMMAND ARG...`

use cube::{
    Address, AddressChoice, Config, Docker, Error, LogOptions, StopOptions, Stream, Surroundings, Task,
    TaskRef,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let surroundings = Surroundings::of_process();
    let address = Address::resolve(&AddressChoice::default(), &surroundings)?;
    let docker = Docker::connect(address, &surroundings, Docker::ANSWER_TIMEOUT)?;

    let mut words = std::env::args().skip(1);
    let mut config = Config::new(words.next().unwrap_or_default().parse()?);
    config.process.command = words.collect();
    let started = docker.run(&mut Task::new(config), &mut |_event| {}).await?;
    let id = started.container_id.unwrap_or_default();

    // Whatever comes of it, the task goes.
    let captured = capture(&docker, &id).await;
    docker.stop(&id.parse::<TaskRef>()?, &StopOptions::default()).await?;
    let (stdout, stderr, code) = captured?;
    println!("exit code {code}");
    println!("stdout: {}", String::from_utf8_lossy(&stdout).trim_end());
    println!("stderr: {}", String::from_utf8_lossy(&stderr).trim_end());
    Ok(())
}

async fn capture(docker: &Docker, id: &str) -> Result<(Vec<u8>, Vec<u8>, i64), Error> {
    let container = docker.inspect(id).await?;
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut logs = docker.logs(&container, &options).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = logs.next().await? {
        let target = if chunk.stream == Stream::Stderr { &mut stderr } else { &mut stdout };
        target.extend_from_slice(&chunk.bytes);
    }
    Ok((stdout, stderr, docker.wait(id).await?.code))
}
