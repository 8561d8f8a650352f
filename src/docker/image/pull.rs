//! Pulls an image through the engine, with the caller's credentials. Tries again after errors of the network or the
//! registry that may pass.

use std::{pin::pin, time::Duration};

use hyper::{Method, body::Incoming, header::HeaderValue};

use crate::{
    config::value::image::{ImageRef, platform::Platform},
    docker::{
        Docker,
        http::{
            client::{self, AnswerKind},
            query::query,
            refusal,
        },
        image::{
            credentials::Credentials,
            progress::{JsonLines, PullProgress},
        },
    },
    error::{Error, ErrorKind},
    event::{Event, Events},
};

/// The pause before the second try; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// After each such time without a report from the engine, an event is sent.
const SILENCE: Duration = Duration::from_secs(1);

impl Docker {
    /// Pulls an image and returns its digest (`sha256:…`), if the engine knows one. Network errors and
    /// 5xx answers of the registry are tried again up to `retries` times; nothing else is.
    ///
    /// # Errors
    /// [`ErrorKind::ImageNotFound`], [`ErrorKind::RegistryAuth`], [`ErrorKind::RateLimited`],
    /// [`ErrorKind::RegistryFailed`], or those of reading the credentials.
    pub async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&Platform>,
        retries: u32,
        events: Events<'_>,
    ) -> Result<Option<String>, Error> {
        let (auth, unusable) = self.registry_auth(image, events).await;
        let path = path(image, platform);
        let mut delay = FIRST_DELAY;
        let mut left = retries;
        events(Event::PullStarted { image: image.to_string() });
        loop {
            match self.pull_once(image, &path, auth.as_ref(), events).await {
                Ok(digest) => {
                    let digest = match digest {
                        None => self.digest(image).await?,
                        digest => digest,
                    };
                    events(Event::PullFinished { image: image.to_string(), digest: digest.clone() });
                    return Ok(digest);
                }
                Err(error) if refusal::pull::may_pass(&error) && left > 0 => {
                    left -= 1;
                    let reason = error.to_string();
                    events(Event::PullRetried { image: image.to_string(), reason, delay });
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(LONGEST_DELAY);
                }
                Err(error) => {
                    return Err(for_want_of(unusable, error).during(format!("cannot pull {image}")));
                }
            }
        }
    }

    /// The registry's credentials in the engine's form. If they cannot be read, that is a warning and the second value:
    /// many images need none.
    pub(crate) async fn registry_auth(
        &self,
        image: &ImageRef,
        events: Events<'_>,
    ) -> (Option<HeaderValue>, Option<Error>) {
        let found = self
            .credentials
            .find(image.registry_key())
            .await
            .and_then(|found| found.as_ref().map(header).transpose());
        match found {
            Ok(auth) => (auth, None),
            Err(error) => {
                events(Event::Warning(format!("{error}; going on without credentials")));
                (None, Some(error))
            }
        }
    }

    async fn pull_once(
        &self,
        image: &ImageRef,
        path: &str,
        auth: Option<&HeaderValue>,
        events: Events<'_>,
    ) -> Result<Option<String>, Error> {
        let headers: Vec<_> = auth.map(|value| ("x-registry-auth", value.clone())).into_iter().collect();
        let sent = self.transport.request(Method::POST, path, None, &headers, AnswerKind::Stream).await;
        let mut body = sent?.into_body();
        let mut lines = JsonLines::default();
        let mut digest = None;
        while let Some(piece) = self.next_progress(image, &mut body, events).await? {
            for progress in lines.feed(&piece)? {
                match progress {
                    PullProgress::Layer(event) => events(event),
                    PullProgress::Digest(found) => digest = Some(found),
                    PullProgress::Failed(text) => return Err(refusal::pull::failed(None, &text)),
                }
            }
        }
        Ok(digest)
    }

    async fn next_progress(
        &self,
        image: &ImageRef,
        body: &mut Incoming,
        events: Events<'_>,
    ) -> Result<Option<bytes::Bytes>, Error> {
        let limit = self.transport.limit();
        let mut silent = || events(Event::PullSilent { image: image.to_string() });
        let piece = within(limit, client::next_piece(body), &mut silent).await;
        piece.unwrap_or_else(|| Err(refusal::too_slow(limit)))
    }

    /// The digest of an image on the engine. Not every engine reports it during the pull.
    async fn digest(&self, image: &ImageRef) -> Result<Option<String>, Error> {
        let found = self.within(self.api.inspect_image(image.as_str())).await?;
        let digests = found.repo_digests.unwrap_or_default();
        Ok(digests.first().and_then(|d| d.split_once('@')).map(|(_, digest)| digest.to_owned()).or(found.id))
    }
}

fn header(credentials: &Credentials) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(credentials.header_value())
        .map_err(|_| Error::new(ErrorKind::RegistryAuth, "the registry's credentials cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The error for a pull that was refused because the caller's credentials are `unusable`.
fn for_want_of(unusable: Option<Error>, refused: Error) -> Error {
    match unusable {
        Some(unusable) if matches!(refused.kind(), ErrorKind::RegistryAuth | ErrorKind::ImageNotFound) => {
            unusable.with_kind(ErrorKind::RegistryAuth).with_source(refused)
        }
        _ => refused,
    }
}

/// The result of `wait` within `limit`; calls `silent` whenever [`SILENCE`] has passed.
async fn within<T>(
    limit: Duration,
    wait: impl Future<Output = T>,
    silent: &mut (dyn FnMut() + Send),
) -> Option<T> {
    let mut wait = pin!(tokio::time::timeout(limit, wait));
    loop {
        match tokio::time::timeout(SILENCE, &mut wait).await {
            Ok(ended) => return ended.ok(),
            Err(_) => silent(),
        }
    }
}

/// The path of the pull request. It always has a tag, since without one the engine would pull all tags.
fn path(image: &ImageRef, platform: Option<&Platform>) -> String {
    let path = query("/images/create", &[("fromImage", &image.pull_name()), ("tag", image.pull_tag())]);
    match platform {
        Some(platform) => query(&path, &[("platform", &platform.to_string())]),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_reported_every_second_up_to_the_limit() {
        let mut reports = 0;
        let limit = Duration::from_millis(3500);
        assert_eq!(within(limit, pending::<()>(), &mut || reports += 1).await, None);
        assert_eq!(reports, 3);
        assert_eq!(within(limit, async { 7 }, &mut || reports += 1).await, Some(7));
        assert_eq!(reports, 3);
    }
}
