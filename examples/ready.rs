//! Starts a task, waits until it is ready, prints how long that took, and removes the task:
//! `cargo run --example ready -- TASK.json CONDITION...`

use std::time::{Duration, Instant};

use cube::{Config, Docker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a task file")?;
    let mut config: Config = serde_json::from_slice(&std::fs::read(file)?)?;
    config.readiness.wait_for = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    config.readiness.wait_timeout = Some(Duration::from_secs(10));
    let begun = Instant::now();
    match Docker::from_env()?.run(config).await {
        Ok(task) => {
            println!("ready after {:?}", begun.elapsed());
            task.remove().await?;
        }
        // Nothing is left of it.
        Err(error) => println!("after {:?}: {error:?}", begun.elapsed()),
    }
    Ok(())
}
