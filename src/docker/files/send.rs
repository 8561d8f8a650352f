//! Sends an archive to a container as fast as the engine takes it, and gives up if the engine stops taking it.

use std::{
    ffi::OsStr,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bollard::query_parameters::{UploadToContainerOptions, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep};

use crate::{
    docker::{
        Docker,
        files::{pack::Packed, report::CopyReport},
        http::{answer_time::answered_within, refusal},
    },
    error::Error,
    event::{Event, Events},
};

/// How often the progress of an upload is checked: there is no event.
const LOOK: Duration = Duration::from_millis(200);

/// The progress of an upload.
#[derive(Default)]
struct Upload {
    bytes: AtomicU64,
    /// Whether it waits for the source, and not for the engine.
    starved: AtomicBool,
    /// Why the source failed.
    failed: Mutex<Option<Error>>,
}

impl Docker {
    /// Unpacks an archive in a folder of a container; with `as_user` everything belongs to the container's user.
    pub(crate) async fn send_archive(
        &self,
        id: &str,
        folder: &OsStr,
        packed: Packed,
        as_user: bool,
        events: Events<'_>,
    ) -> Result<CopyReport, Error> {
        let upload = Arc::new(Upload::default());
        let copied = Arc::clone(&packed.copied);
        let body = bollard::body_try_stream(pieces(packed, Arc::clone(&upload)));
        let sending = self.api.upload_to_container(id, Some(options(folder, as_user)), body);
        let sent = self.watch_upload(pin!(sending), &upload, folder, events).await;
        if let Some(error) = upload.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        sent?;
        let copied = copied.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for warning in copied.warnings(&folder.to_string_lossy()) {
            events(Event::Warning(warning));
        }
        Ok(copied)
    }

    /// Unpacks an archive in memory in a folder of a container.
    pub(crate) async fn send_bytes(&self, id: &str, folder: &str, archive: Vec<u8>) -> Result<(), Error> {
        let options = options(OsStr::new(folder), false);
        let sending = self.api.upload_to_container(id, Some(options), bollard::body_full(archive.into()));
        match answered_within(self.transport.limit(), sending).await {
            Ok(sent) => sent.map_err(refusal::from_bollard),
            Err(_) => Err(refusal::too_slow(self.transport.limit())),
        }
    }

    async fn watch_upload(
        &self,
        mut sending: std::pin::Pin<&mut impl Future<Output = Result<(), bollard::errors::Error>>>,
        upload: &Upload,
        folder: &OsStr,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let (mut seen, mut moved) = (0, Instant::now());
        loop {
            tokio::select! {
                sent = &mut sending => return sent.map_err(refusal::from_bollard),
                () = sleep(LOOK) => {}
            }
            let bytes = upload.bytes.load(Relaxed);
            if bytes != seen || upload.starved.load(Relaxed) {
                (seen, moved) = (bytes, Instant::now());
                events(Event::Copying { path: folder.to_string_lossy().into_owned(), bytes });
            } else if moved.elapsed() >= self.transport.limit() {
                return Err(refusal::too_slow(self.transport.limit()));
            }
        }
    }
}

fn options(folder: &OsStr, as_user: bool) -> UploadToContainerOptions {
    let options = UploadToContainerOptionsBuilder::default().path(&folder.to_string_lossy());
    let options = options.no_overwrite_dir_non_dir("true");
    if as_user { options.copy_uidgid("true").build() } else { options.build() }
}

fn pieces(packed: Packed, upload: Arc<Upload>) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold((packed.pieces, upload), |(mut pieces, upload)| async {
        upload.starved.store(true, Relaxed);
        let piece = pieces.recv().await;
        upload.starved.store(false, Relaxed);
        let piece = match piece? {
            Ok(piece) => {
                upload.bytes.fetch_add(piece.len() as u64, Relaxed);
                Ok(piece)
            }
            Err(error) => {
                let words = std::io::Error::other(error.to_string());
                upload.failed.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
                Err(words)
            }
        };
        Some((piece, (pieces, upload)))
    })
}
