//! A database for as long as it is needed: `cargo run --example database -- IMAGE` (default `postgres:13`).

use std::io::{self, Write};

use cube::{Config, Docker, LogOptions, StopOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let image = std::env::args().nth(1).unwrap_or_else(|| "postgres:13".to_owned());
    // DOCKER_HOST, contexts, the usual sockets.
    let docker = Docker::from_env()?;
    let mut config = Config::new(image.parse()?);
    config.process.env = vec!["POSTGRES_PASSWORD=secret".parse()?];
    config.readiness.wait_for = vec!["postgres".parse()?];
    // Pulled, created, started and ready. If that fails, nothing is left.
    let db = docker.run(config).await?;
    println!("{}", db.address(5432).await?);
    let mut log = db.logs(&LogOptions::default()).await?;
    while let Some(chunk) = log.next().await? {
        io::stdout().write_all(&chunk.bytes)?;
    }
    db.stop(&StopOptions::default()).await?;
    Ok(())
}
