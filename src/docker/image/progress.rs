//! Reads the JSON lines in which the engine reports the progress of a pull.

use serde::Deserialize;

use crate::{
    docker::http::{
        json,
        refusal::{self, printable::printable},
    },
    error::Error,
    event::Event,
};

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 20;

/// What a line reports.
#[derive(Debug, PartialEq)]
pub(crate) enum PullProgress {
    Layer(Event),
    Digest(String),
    Failed(String),
}

/// Divides the answer into lines and parses them.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    rest: Vec<u8>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LayerLine {
    id: String,
    status: String,
    #[serde(rename = "progressDetail")]
    detail: Detail,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    error_detail: Option<ErrorDetail>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    current: Option<u64>,
    total: Option<u64>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    message: Option<String>,
}

impl JsonLines {
    /// The reports in the next piece of the answer.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<PullProgress>, Error> {
        let (mut reports, mut piece) = (Vec::new(), piece);
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, after) = piece.split_at(end);
            self.rest.extend_from_slice(line);
            reports.extend(read(&std::mem::take(&mut self.rest))?);
            piece = after.get(1..).unwrap_or_default();
        }
        self.rest.extend_from_slice(piece);
        if self.rest.len() > LONGEST_LINE {
            return Err(refusal::bad_answer("/images/create", &"a line without end"));
        }
        // podman's last line has no line break.
        if self.rest.ends_with(b"}") && json::read::<LayerLine>(&self.rest).is_ok() {
            reports.extend(read(&std::mem::take(&mut self.rest))?);
        }
        Ok(reports)
    }
}

fn read(line: &[u8]) -> Result<Option<PullProgress>, Error> {
    if line.iter().all(|byte| json::is_white(*byte)) {
        return Ok(None);
    }
    let line: LayerLine = json::read(line).map_err(|e| refusal::bad_answer("/images/create", &e))?;
    if let Some(text) = line.error_detail.and_then(|d| d.message).or(line.error) {
        return Ok(Some(PullProgress::Failed(text)));
    }
    if let Some(digest) = line.status.strip_prefix("Digest: ") {
        return Ok(Some(PullProgress::Digest(printable(digest))));
    }
    Ok(Some(PullProgress::Layer(Event::PullProgress {
        layer: printable(&line.id),
        status: printable(&line.status),
        progress: line.detail.current.map(|done| (done, line.detail.total.unwrap_or(0))),
    })))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_cut_anywhere_report_the_same() {
        let text = "{\"status\":\"Downloading\",\"id\":\"a1\",\"progressDetail\":{\"current\":1,\"total\":2}}\r\n\
                    {\"status\":\"Digest: sha256:00\"}\n{\"error\":\"toomanyrequests\"}";
        for cut in 1..text.len() {
            let mut lines = JsonLines::default();
            let reports: Vec<_> = text.as_bytes().chunks(cut).flat_map(|p| lines.feed(p).unwrap()).collect();
            let layer = Event::PullProgress {
                layer: "a1".into(),
                status: "Downloading".into(),
                progress: Some((1, 2)),
            };
            let expected = [
                PullProgress::Layer(layer),
                PullProgress::Digest("sha256:00".into()),
                PullProgress::Failed("toomanyrequests".into()),
            ];
            assert_eq!(reports, expected, "cut {cut}");
        }
    }

    /// A form feed is white space elsewhere, but not in JSON.
    #[test]
    fn what_is_between_lines_is_white_as_json_says() {
        let layer = |text: &str| JsonLines::default().feed(text.as_bytes()).map(|reports| reports.len());
        for white in ["", " ", "\t\r", "\n \n"] {
            let line = format!("{white}{{\"id\":\"a1\"}}");
            assert_eq!((layer(&line).unwrap(), layer(&format!("{line}\n")).unwrap()), (1, 1), "{white:?}");
        }
        let line = "\u{c}{\"id\":\"a1\"}";
        assert!(layer(line).unwrap() == 0 && layer(&format!("{line}\n")).is_err());
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = JsonLines::default();
        assert!((0..100).any(|_| lines.feed(&vec![b'x'; 100_000]).is_err()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = JsonLines::default().feed(&bytes);
        }
    }
}
