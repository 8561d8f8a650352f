//! The conditions of one wait: each is watched separately, and they are reported together.

use std::{future::pending, time::Duration};

use futures_util::{
    StreamExt,
    future::try_join_all,
    stream::{self, FuturesUnordered},
};

use crate::{
    config::{
        readiness::Readiness,
        value::{condition::Condition, duration},
    },
    docker::{
        details::Details,
        handle::RunningTask,
        ready::{
            automatic, exec, file, health, http, log, port::PortWatch, progress::Progress, protocol, running,
        },
    },
    error::{Error, ErrorKind, Origin},
};

const HINT: &str = "give it longer: --wait-timeout, or --timeout of `cube wait`; its output may say why";

/// One condition and its progress.
pub(crate) struct Watch<'a> {
    condition: &'a Condition,
    progress: Progress,
}

/// The conditions of a wait.
pub(crate) struct Watches<'a> {
    all: Vec<Watch<'a>>,
    /// Whether one condition is enough.
    any: bool,
    /// Whether the end of the task is one of the conditions.
    pub(crate) until_exit: bool,
}

impl<'a> Watches<'a> {
    pub(crate) fn of(readiness: &'a Readiness) -> Self {
        let conditions = readiness.wait_for.iter();
        let all = conditions
            .filter(|condition| **condition != Condition::Exit)
            .map(|condition| Watch { condition, progress: Progress::default() })
            .collect();
        Self {
            all,
            any: readiness.wait_any && readiness.wait_for.len() > 1,
            until_exit: readiness.wait_for.contains(&Condition::Exit),
        }
    }

    /// Whether the end must come too, after all other conditions held.
    pub(crate) fn want_exit_too(&self) -> bool {
        self.until_exit && !self.any
    }

    /// Whether the end of the task alone is enough.
    pub(crate) fn take_exit(&self) -> bool {
        self.until_exit && self.any
    }

    /// Returns when all conditions hold, or the one that is enough. An error means that they can never hold.
    pub(crate) async fn wait(&self, task: &RunningTask, container: &Details) -> Result<(), Error> {
        if self.any {
            return self.one_holds(task, container).await;
        }
        try_join_all(self.all.iter().map(|watch| watch.wait(task, container))).await.map(drop)
    }

    async fn one_holds(&self, task: &RunningTask, container: &Details) -> Result<(), Error> {
        let watched = self.all.iter().enumerate();
        let mut open: FuturesUnordered<_> =
            watched.map(|(at, watch)| async move { (at, watch.wait(task, container).await) }).collect();
        let mut reasons = Vec::new();
        while let Some((at, held)) = open.next().await {
            match held {
                Ok(()) => return Ok(()),
                // This error says nothing about the condition.
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => {
                    self.give_up(at, &error);
                    reasons.push((at, error));
                }
            }
        }
        if self.until_exit {
            return pending().await;
        }
        let first = reasons.into_iter().min_by_key(|(at, _)| *at);
        Err(first.map_or_else(Self::none_given, |(_, first)| self.none_holds(&first)))
    }

    fn give_up(&self, at: usize, error: &Error) {
        if let Some(watch) = self.all.get(at) {
            let reason = std::iter::once(error.to_string()).chain(error.causes()).collect::<Vec<_>>();
            watch.progress.give_up(reason.join(": "));
        }
    }

    /// The error if all conditions became impossible, with the kind of the `first` error.
    fn none_holds(&self, first: &Error) -> Error {
        let message = format!("no condition can hold any more: {}", self.list(|_| true, "; "));
        let error = Error::new(first.kind(), message).with_origin(first.origin());
        match first.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn none_given() -> Error {
        Error::new(ErrorKind::InvalidInput, "no condition was given").with_hint("name one with --wait-for")
    }

    /// Whether the open conditions held before the task ended: by lines or files that it left, or because it `ran`.
    pub(crate) async fn held_before_end(&self, task: &RunningTask, container: &Details, ran: bool) -> bool {
        let open = self.all.iter().filter(|watch| !watch.progress.held());
        let held = stream::iter(open).then(|watch| watch.held_before_end(task, container, ran)).boxed();
        if self.any {
            return held.any(|held| async move { held }).await;
        }
        held.all(|held| async move { held }).await
    }

    /// The open conditions, and what was last seen of each.
    pub(crate) fn describe(&self) -> String {
        let open = self.list(|watch| watch.progress.is_open(), if self.any { "; or " } else { "; " });
        match (open.is_empty(), self.until_exit) {
            (true, _) => "its end".to_owned(),
            (false, true) if self.any => format!("{open}; or its end"),
            (false, _) => open,
        }
    }

    /// The error for a wait that took longer than `limit`.
    pub(crate) fn timed_out(&self, limit: Duration) -> Error {
        let limit = duration::format(limit);
        let open = self.list(|watch| !watch.progress.held(), "; ");
        if open.is_empty() {
            return Error::new(ErrorKind::TimedOut, format!("the task did not end within {limit}"))
                .with_hint("`cube stop TASK` ends it");
        }
        let hint =
            self.all.iter().filter(|watch| watch.progress.is_open()).find_map(|watch| watch.progress.hint());
        Error::new(ErrorKind::TimedOut, format!("the task was not ready within {limit}: {open}"))
            .with_origin(Origin::Task)
            .with_hint(hint.unwrap_or(HINT))
    }

    fn list(&self, which: impl Fn(&Watch<'_>) -> bool, between: &str) -> String {
        let chosen: Vec<_> = self.all.iter().filter(|watch| which(watch)).map(Watch::describe).collect();
        chosen.join(between)
    }
}

impl Watch<'_> {
    /// Returns when the condition holds. An error means that it can never hold.
    async fn wait(&self, task: &RunningTask, container: &Details) -> Result<(), Error> {
        let progress = &self.progress;
        let held = match self.condition {
            Condition::Running => running::wait(task, container, progress).await,
            Condition::Healthy => health::wait(task, container, progress).await,
            Condition::Port(port) => PortWatch { task, container, progress }.wait(*port).await,
            Condition::Log { pattern, times } => log::wait(task, container, pattern, *times, progress).await,
            Condition::Http(http) => http::wait(task, container, http, progress).await,
            Condition::Server { protocol, port } => {
                protocol::wait(task, container, *protocol, *port, progress).await
            }
            Condition::Ready => automatic::wait(task, container, progress).await,
            Condition::File(path) => file::wait(task, path, progress).await,
            Condition::Exec(command) => exec::wait(task, command, progress).await,
            Condition::Exit => Ok(()),
        };
        match held {
            // The container is gone or has stopped; its end is reported instead.
            Err(error) if matches!(error.kind(), ErrorKind::TaskNotFound) => pending().await,
            held => held.inspect(|()| progress.note_reached()),
        }
    }

    async fn held_before_end(&self, task: &RunningTask, container: &Details, ran: bool) -> bool {
        match self.condition {
            Condition::Running => ran,
            Condition::Log { pattern, times } => log::held(task, container, pattern, *times).await,
            Condition::File(path) => file::held(task, path).await,
            _ => false,
        }
    }

    fn describe(&self) -> String {
        let condition = match self.condition {
            Condition::Port(Some(port)) => format!("port {port}"),
            other => other.to_string(),
        };
        match self.progress.text() {
            seen if seen.is_empty() => condition,
            seen => format!("{condition}: {seen}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::progress::LOOPBACK_HINT;

    fn readiness(conditions: &[&str], any: bool) -> Readiness {
        let wait_for = conditions.iter().map(|text| text.parse().unwrap()).collect();
        Readiness { wait_for, wait_any: any, ..Readiness::default() }
    }

    /// The error after 2 s; conditions without a text hold.
    fn error(conditions: &[(&str, Option<&str>)], hint: Option<&'static str>) -> Error {
        let readiness = readiness(&conditions.iter().map(|(text, _)| *text).collect::<Vec<_>>(), false);
        let watches = Watches::of(&readiness);
        for (watch, (_, text)) in watches.all.iter().zip(conditions) {
            match text {
                Some(text) => watch.progress.note_with(*text, hint),
                None => watch.progress.note_reached(),
            }
        }
        watches.timed_out(Duration::from_secs(2))
    }

    #[test]
    fn the_message_says_what_each_open_condition_last_saw() {
        let error =
            error(&[("running", None), ("log*2=up", Some("1 line so far")), ("healthy", Some(""))], None);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "the task was not ready within 2s: log*2=up: 1 line so far; healthy");
    }

    #[test]
    fn a_listener_on_loopback_gets_a_hint_of_its_own() {
        let condition = [("port=80", Some("listening: 127.0.0.1:80 (loopback only)"))];
        assert_eq!(error(&condition, Some(LOOPBACK_HINT)).hint(), Some(LOOPBACK_HINT));
        assert_eq!(error(&condition, None).hint(), Some(HINT));
        assert_eq!(error(&[("log=loopback only", Some("no line matched so far"))], None).hint(), Some(HINT));
    }

    #[test]
    fn if_all_conditions_held_only_the_end_was_missing() {
        assert_eq!(error(&[("running", None)], None).to_string(), "the task did not end within 2s");
    }

    #[test]
    fn if_no_condition_can_hold_each_reason_is_given() {
        let readiness = readiness(&["port=80/udp", "healthy"], true);
        let watches = Watches::of(&readiness);
        let first = Error::new(ErrorKind::NotPublished, "it is not published").with_hint("publish it");
        watches.give_up(0, &first);
        watches.give_up(1, &Error::new(ErrorKind::WrongState, "there is no check").during("cannot ask"));
        let error = watches.none_holds(&first);
        assert_eq!((error.kind(), error.hint()), (ErrorKind::NotPublished, Some("publish it")));
        assert_eq!(
            error.to_string(),
            "no condition can hold any more: port 80/udp: it is not published; healthy: cannot ask: there is no \
             check"
        );
    }

    #[test]
    fn open_conditions_are_described() {
        let all = readiness(&["port=80", "running", "exit"], false);
        let watches = Watches::of(&all);
        assert_eq!(watches.describe(), "port 80/tcp; running");
        watches.all[0].progress.note("nothing listens");
        watches.all[1].progress.note_reached();
        assert_eq!(watches.describe(), "port 80/tcp: nothing listens");
        watches.all[0].progress.note_reached();
        assert_eq!(watches.describe(), "its end");
        let any = readiness(&["port=80", "running", "exit"], true);
        assert_eq!(Watches::of(&any).describe(), "port 80/tcp; or running; or its end");
    }
}
