//! Starts a task, waits until it is ready, tells how long that took, and removes the task:
//! `cargo run --example ready -- TASK.json CONDITION...`

use std::time::{Duration, Instant};

use cube::{Address, AddressChoice, Condition, Config, Docker, Error, Surroundings, Task};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a task file")?;
    let config: Config = serde_json::from_slice(&std::fs::read(file)?)?;
    let conditions = arguments.map(|text| text.parse()).collect::<Result<Vec<Condition>, Error>>()?;
    let surroundings = Surroundings::of_process();
    let address = Address::resolve(&AddressChoice::default(), &surroundings)?;
    let docker = Docker::connect(address, &surroundings, Docker::ANSWER_TIMEOUT)?;
    let mut task = Task::new(config);
    docker.run(&mut task, &mut |_| {}).await?;
    let begun = Instant::now();
    let id = task.container_id.clone().unwrap_or_default();
    let ready = docker.ready(&id, &conditions, Some(Duration::from_secs(10))).await;
    let took = begun.elapsed();
    docker.discard(&task).await?;
    match ready {
        Ok(()) => println!("ready after {took:?}"),
        Err(error) => println!("{:?} after {took:?}: {error}; hint: {:?}", error.kind(), error.hint()),
    }
    Ok(())
}
