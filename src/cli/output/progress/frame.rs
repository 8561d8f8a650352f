//! The text of a pull's progress: one line for each layer, as many as fit, and a total. It does not use the terminal.

use std::time::Duration;

use cube::duration;

use crate::cli::output::{
    progress::layers::{Layer, LayerStep, Layers},
    size::size,
};

/// From this width on, a layer has a progress bar.
const WIDE: usize = 60;
/// The characters of a wide line without its bar.
const BESIDE_BAR: usize = 52;
/// The widest bar.
const WIDEST_BAR: usize = 50;
/// A longer estimate is not shown.
const LONGEST_LEFT: Duration = Duration::from_hours(24);

/// The size of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// The lines for a pull: layers, then the total.
pub fn lines(layers: &Layers, speed: Option<u64>, room: Room) -> Vec<String> {
    // A character in the last column would make some terminals begin a new line.
    let width = room.columns.saturating_sub(1);
    // Three lines are kept free: for the total, the cursor and the output before.
    let mut lines = layer_lines(layers, width, room.rows.saturating_sub(3));
    lines.push(fitting(&total(layers, speed), width));
    lines.into_iter().map(|line| line.chars().take(width).collect()).collect()
}

/// The total in one line, for a log.
pub fn summary(layers: &Layers, speed: Option<u64>) -> String {
    total(layers, speed).into_iter().next().unwrap_or_default().join(", ")
}

fn layer_lines(layers: &Layers, width: usize, rows: usize) -> Vec<String> {
    let all = layers.all();
    if all.len() <= rows {
        return all.iter().map(|layer| layer_line(layer, width)).collect();
    }
    let Some(shown) = rows.checked_sub(1) else { return Vec::new() };
    let moving = all.iter().filter(|layer| layer.step.is_moving()).take(shown);
    let mut lines: Vec<String> = moving.map(|layer| layer_line(layer, width)).collect();
    let (waiting, here) =
        (layers.count(|step| *step == LayerStep::Waiting), layers.count(LayerStep::has_come));
    lines.push(format!("… {} more layers: {here} here, {waiting} waiting", all.len() - lines.len()));
    lines
}

fn layer_line(layer: &Layer, width: usize) -> String {
    let id: String = layer.id.chars().take(12).collect();
    let word = match &layer.step {
        LayerStep::Waiting => "waiting",
        LayerStep::Downloading => "downloading",
        LayerStep::Checking => "checking",
        LayerStep::Downloaded => "downloaded",
        LayerStep::Extracting => "extracting",
        LayerStep::Done => "done",
        LayerStep::Present => "already here",
        LayerStep::Other(word) => word,
    };
    let measured = matches!(layer.step, LayerStep::Downloading | LayerStep::Extracting) && layer.total > 0;
    if !measured {
        return format!("{id:12}  {word}");
    }
    let done = layer.done.min(layer.total);
    if width < WIDE {
        let percent = share(done, layer.total, 100);
        return format!("{id:12} {word:11} {percent:3}% {}", size(layer.total));
    }
    let bar = bar(done, layer.total, (width - BESIDE_BAR).min(WIDEST_BAR));
    format!("{id:12}  {word:11}  [{bar}]  {} of {}", size(done), size(layer.total))
}

fn bar(done: u64, total: u64, width: usize) -> String {
    let filled = usize::try_from(share(done, total, width as u64)).unwrap_or(width).min(width);
    let head = if filled > 0 && filled < width { ">" } else { "" };
    format!("{:width$}", format!("{}{head}", "=".repeat(filled - head.len())))
}

/// The share `done / total` as a number out of `whole`.
fn share(done: u64, total: u64, whole: u64) -> u64 {
    let parts = u128::from(done) * u128::from(whole) / u128::from(total.max(1));
    u64::try_from(parts).unwrap_or(whole)
}

/// The texts of the total, from the longest to the shortest.
fn total(layers: &Layers, speed: Option<u64>) -> Vec<Vec<String>> {
    let (all, here) = (layers.all().len(), layers.count(LayerStep::has_come));
    let (done, known) = layers.bytes();
    if all == 0 {
        return vec![vec!["nothing has come yet".to_owned()]];
    }
    if here == all {
        let extracted = layers.count(|step| matches!(step, LayerStep::Done | LayerStep::Present));
        return vec![vec![format!("{all} layers"), size(done), format!("{extracted} done")]];
    }
    let open = layers.is_size_open();
    let count = format!("{here} of {all} layers");
    let bytes = format!("{} of {}{}", size(done), if open { "over " } else { "" }, size(known));
    let short = format!("{} of {}", size(done), size(known));
    let rate = speed.map(|speed| format!("{}/s", size(speed)));
    let left = speed.and_then(|speed| left(known.saturating_sub(done), speed, open));
    let parts = |parts: &[Option<&String>]| parts.iter().flatten().map(|part| (*part).clone()).collect();
    let (rate, left) = (rate.as_ref(), left.as_ref());
    vec![
        parts(&[Some(&count), Some(&bytes), rate, left]),
        parts(&[Some(&short), rate, left]),
        parts(&[Some(&short), left]),
        parts(&[Some(&short)]),
    ]
}

fn left(bytes: u64, speed: u64, open: bool) -> Option<String> {
    let left = Duration::from_secs(bytes.checked_div(speed)?);
    let bound = if open { "over " } else { "" };
    (left < LONGEST_LEFT).then(|| format!("{bound}{} left", duration::format(left)))
}

/// The first of several texts that fits.
fn fitting(texts: &[Vec<String>], width: usize) -> String {
    let mut joined = texts.iter().map(|parts| parts.join("  "));
    let fits = |text: &String| text.chars().count() <= width;
    joined.clone().find(fits).or_else(|| joined.next_back()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Layers {
        let mut layers = Layers::default();
        for (id, status, progress) in [
            ("16", "Pulling from library/postgres", None),
            ("a1b2c3d4e5f6", "Pull complete", None),
            ("b1b2c3d4e5f6", "Downloading", Some((12_300_000, 45_600_000))),
            ("c1b2c3d4e5f6", "Downloading", Some((512, 200_000_000))),
            ("d1b2c3d4e5f6", "Pulling fs layer", None),
            ("e1b2c3d4e5f6", "Already exists", None),
        ] {
            layers.step(id, status, progress);
        }
        layers
    }

    fn shown(layers: &Layers, speed: Option<u64>, columns: usize, rows: usize) -> String {
        lines(layers, speed, Room { columns, rows }).join("\n")
    }

    #[test]
    fn eighty_columns_have_bars() {
        let expected = "\
a1b2c3d4e5f6  done
b1b2c3d4e5f6  downloading  [======>                    ]  12.3 MB of 45.6 MB
c1b2c3d4e5f6  downloading  [                           ]  512 B of 200.0 MB
d1b2c3d4e5f6  waiting
e1b2c3d4e5f6  already here
2 of 5 layers  12.3 MB of over 245.6 MB  2.1 MB/s  over 1m51s left";
        assert_eq!(shown(&example(), Some(2_100_000), 80, 24), expected);
    }

    #[test]
    fn forty_columns_have_numbers() {
        let expected = "\
a1b2c3d4e5f6  done
b1b2c3d4e5f6 downloading  26% 45.6 MB
c1b2c3d4e5f6 downloading   0% 200.0 MB
d1b2c3d4e5f6  waiting
e1b2c3d4e5f6  already here
12.3 MB of 245.6 MB  over 1m51s left";
        assert_eq!(shown(&example(), Some(2_100_000), 40, 24), expected);
    }

    #[test]
    fn layers_beyond_the_window_are_folded() {
        let expected = "\
b1b2c3d4e5f6  downloading  [======>                    ]  12.3 MB of 45.6 MB
… 4 more layers: 2 here, 1 waiting
2 of 5 layers  12.3 MB of over 245.6 MB";
        assert_eq!(shown(&example(), None, 80, 5), expected);
        assert_eq!(shown(&example(), None, 80, 1), "2 of 5 layers  12.3 MB of over 245.6 MB");
    }

    #[test]
    fn no_time_is_left_when_everything_has_come() {
        let mut layers = example();
        for id in ["b1b2c3d4e5f6", "c1b2c3d4e5f6", "d1b2c3d4e5f6"] {
            layers.step(id, "Download complete", None);
        }
        let text = shown(&layers, Some(1), 80, 24);
        assert!(text.ends_with("\n5 layers  245.6 MB  2 done"), "{text}");
        assert_eq!(summary(&layers, None), "5 layers, 245.6 MB, 2 done");
    }

    #[test]
    fn no_line_is_wider_than_its_terminal() {
        let mut layers = example();
        layers.step(&"x".repeat(500), &"y".repeat(500), Some((u64::MAX, u64::MAX)));
        layers.step("f", "Extracting", Some((u64::MAX, u64::MAX)));
        for columns in 0..200 {
            for line in lines(&layers, Some(u64::MAX), Room { columns, rows: 24 }) {
                assert!(line.chars().count() <= columns.saturating_sub(1), "{columns}: {line}");
            }
        }
    }
}
