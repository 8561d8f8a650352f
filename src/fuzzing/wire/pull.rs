//! The lines in which an engine reports a pull.

use bytes::Bytes;

use crate::{
    docker::image::progress::{JsonLines, PullProgress},
    error::ErrorKind,
    fuzzing::pieces::ways,
};

pub(crate) fn check(bytes: &[u8]) {
    // Of what is malformed, as much is reported as came before it; a last line may lack its end.
    let ended = Bytes::from([bytes, b"\n"].concat());
    let Ok(reports) = read(vec![ended]) else { return };
    for pieces in ways(bytes) {
        let end = pieces.is_empty() || bytes.ends_with(b"}") || bytes.ends_with(b"\n");
        let all = pieces.into_iter().chain((!end).then(|| Bytes::from_static(b"\n")));
        assert_eq!(read(all.collect()).as_ref(), Ok(&reports));
    }
}

fn read(pieces: Vec<Bytes>) -> Result<Vec<PullProgress>, ErrorKind> {
    let (mut lines, mut reports) = (JsonLines::default(), Vec::new());
    for piece in pieces {
        reports.extend(lines.feed(&piece).map_err(|error| error.kind())?);
    }
    Ok(reports)
}
