//! `log=REGEX`: enough lines of the task's output match, counted from its beginning.

pub(crate) mod fail_on;
pub(crate) mod lines;

use std::time::Duration;

use regex_lite::Regex;

use crate::{
    docker::{
        details::Details,
        handle::RunningTask,
        output::logs::LogOptions,
        ready::{log::lines::MatchedLines, progress::Progress},
    },
    error::{Error, ErrorKind},
};

/// The pause before a log that ended or failed is read again.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) async fn wait(
    task: &RunningTask,
    container: &Details,
    pattern: &str,
    times: u32,
    progress: &Progress,
) -> Result<(), Error> {
    let pattern = regex(pattern)?;
    loop {
        // If the log is read again, counting starts again too, so that no line counts twice.
        match read(task, container, &pattern, times, true, Some(progress)).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionLost => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether enough lines of an ended task match.
pub(crate) async fn held(task: &RunningTask, container: &Details, pattern: &str, times: u32) -> bool {
    let Ok(pattern) = regex(pattern) else { return false };
    read(task, container, &pattern, times, false, None).await.unwrap_or(false)
}

fn regex(pattern: &str) -> Result<Regex, Error> {
    Regex::new(pattern).map_err(|error| Error::invalid("regular expression", pattern, error))
}

async fn read(
    task: &RunningTask,
    container: &Details,
    pattern: &Regex,
    times: u32,
    follow: bool,
    progress: Option<&Progress>,
) -> Result<bool, Error> {
    let mut lines = MatchedLines::new(pattern.clone());
    let mut logs = task.log_once(container, &LogOptions { follow, ..LogOptions::default() }).await?;
    loop {
        let matches = lines.matches();
        if let Some(progress) = progress {
            progress.note(describe(matches, times));
        }
        if matches >= times {
            return Ok(true);
        }
        let Some(chunk) = logs.next().await? else { return Ok(false) };
        lines.feed(&chunk);
    }
}

fn describe(matches: u32, times: u32) -> String {
    match (matches, times) {
        (0, _) => "no line matched so far".to_owned(),
        (1, _) => format!("1 line of {times} matched so far"),
        _ => format!("{matches} lines of {times} matched so far"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_so_far_is_reported() {
        assert_eq!(describe(0, 1), "no line matched so far");
        assert_eq!(describe(1, 2), "1 line of 2 matched so far");
        assert_eq!(describe(2, 3), "2 lines of 3 matched so far");
    }
}
