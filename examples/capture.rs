//! Runs a command in a task, collects what it wrote to stdout and stderr, and prints its exit code.
//!
//! `cargo run --example capture -- IMAGE COMMAND ARG...`

use cube::{Config, Docker, Error, LogOptions, RunningTask, StopOptions, Stream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let mut config = Config::new(words.next().unwrap_or_default().parse()?);
    config.process.command = words.collect();
    let task = Docker::from_env()?.run(config).await?;

    // Whatever comes of it, the task goes.
    let captured = capture(&task).await;
    task.stop(&StopOptions::default()).await?;
    let (stdout, stderr, code) = captured?;
    println!("exit code {code}");
    println!("stdout: {}", String::from_utf8_lossy(&stdout).trim_end());
    println!("stderr: {}", String::from_utf8_lossy(&stderr).trim_end());
    Ok(())
}

async fn capture(task: &RunningTask) -> Result<(Vec<u8>, Vec<u8>, i64), Error> {
    let mut logs = task.logs(&LogOptions { follow: true, ..LogOptions::default() }).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = logs.next().await? {
        let target = if chunk.stream == Stream::Stderr { &mut stderr } else { &mut stdout };
        target.extend_from_slice(&chunk.bytes);
    }
    Ok((stdout, stderr, task.wait().await?.code))
}
