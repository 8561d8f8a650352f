//! The messages from cube to its guard over a pipe: one byte each, and the last one counts.

use std::{
    io::{self, PipeWriter, Read, Write},
    sync::Arc,
};

use cube::Event;

use crate::cli::guard::host_command::{BYTES, HostCommand};

/// No container was requested, or the engine refused to create it.
pub const NOTHING: u8 = b'n';
/// The request to create a container was sent.
pub const ASKED: u8 = b'?';
/// The container exists.
pub const MADE: u8 = b'!';
/// cube detached from the task; the guard removes it when it ends.
pub const LEFT: u8 = b'e';
/// The task needs no guard: it is gone, or it runs on by itself.
pub const RELEASED: u8 = b'.';
/// The next bytes identify HOST-COMMAND, which must end when cube does.
pub const HOST: u8 = b'h';
/// HOST-COMMAND has ended.
pub const HOST_ENDED: u8 = b'x';

/// Cube's end of the pipe: the way to send messages to a guard.
#[derive(Clone)]
pub struct Word(Arc<PipeWriter>);

impl Word {
    /// Sends messages through `pipe`.
    pub fn through(pipe: PipeWriter) -> Self {
        Self(Arc::new(pipe))
    }

    /// Passes on the events that matter to the guard.
    pub fn hear(&mut self, event: &Event) {
        self.say(match event {
            Event::Creating => ASKED,
            Event::Created => MADE,
            // The create request before was refused, because the image was missing.
            Event::PullStarted { .. } => NOTHING,
            _ => return,
        });
    }

    /// Sends one of the messages above.
    pub fn say(&self, word: u8) {
        self.write(&[word]);
    }

    /// Names the command that is to end with cube.
    pub fn name_host(&self, command: HostCommand) {
        self.write(&[&[HOST], command.to_bytes().as_slice()].concat());
    }

    fn write(&self, words: &[u8]) {
        let _ = (&*self.0).write_all(words);
    }
}

/// The last message before the pipe was closed, and the command that has to end with cube.
pub fn last_word(mut word: impl Read) -> (u8, Option<HostCommand>) {
    let (mut last, mut host, mut said) = (NOTHING, None, [0]);
    loop {
        match word.read(&mut said) {
            Ok(0) => return (last, host),
            Ok(_) if said == [HOST] => host = host_command(&mut word),
            Ok(_) if said == [HOST_ENDED] => host = None,
            Ok(_) if said == [RELEASED] => return (RELEASED, host),
            Ok(_) => [last] = said,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The state is unknown: whatever exists has to be removed.
            Err(_) => return (ASKED, host),
        }
    }
}

fn host_command(word: &mut impl Read) -> Option<HostCommand> {
    let mut bytes = [0; BYTES];
    word.read_exact(&mut bytes).ok()?;
    Some(HostCommand::from_bytes(bytes))
}

/// What a guard makes of any bytes: the last word before the end or before the release, and the last command named.
///
/// # Panics
/// If that does not hold.
#[cfg(any(test, fuzzing))]
pub fn check(said: &[u8]) {
    let (mut last, mut host, mut rest) = (NOTHING, None, said);
    while let Some((word, after)) = rest.split_first()
        && last != RELEASED
    {
        rest = after;
        if *word == HOST {
            let bytes = rest.get(..BYTES).and_then(|bytes| bytes.try_into().ok());
            host = bytes.map(HostCommand::from_bytes);
            rest = rest.get(BYTES..).unwrap_or_default();
        } else if *word == HOST_ENDED {
            host = None;
        } else {
            last = *word;
        }
    }
    assert_eq!(last_word(said), (last, host));
    assert!(host.is_none_or(|host| HostCommand::from_bytes(host.to_bytes()) == host));
    assert!(host.is_none_or(|host| HostCommand::parse(&host.word()) == Some(host)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_mean_what_the_last_word_says(
            said in prop::collection::vec(
                prop_oneof![prop::sample::select(b"n?!e.hx".to_vec()), any::<u8>()],
                0..60,
            ),
        ) {
            check(&said);
        }
    }

    #[test]
    fn the_last_message_counts_besides_the_named_command() {
        let host = HostCommand::parse("5:12:34").unwrap();
        let said = [&[ASKED, MADE, HOST], host.to_bytes().as_slice()].concat();
        assert_eq!(last_word(said.as_slice()), (MADE, Some(host)));
        let released = [said.as_slice(), &[RELEASED]].concat();
        assert_eq!(last_word(released.as_slice()), (RELEASED, Some(host)));
        let over = [said.as_slice(), &[HOST_ENDED]].concat();
        assert_eq!(last_word(over.as_slice()), (MADE, None));
        assert_eq!(last_word([MADE, HOST, 1].as_slice()), (MADE, None));
        assert_eq!(last_word([].as_slice()), (NOTHING, None));
    }
}
