//! A table on standard output. On a terminal it fits the width: columns without any value are left out, long cells are
//! cut, then other columns are left out.

use std::{cmp::Reverse, io};

use rustix::termios::{isatty, tcgetwinsize};

/// The gap between two columns: usually, and if the table is too wide.
const GAP: usize = 3;
const NARROW_GAP: usize = 2;

/// How a column may shrink if the table is too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squeeze {
    /// Not at all.
    Never,
    /// Cells lose their end, down to this many characters.
    CutEnd(usize),
    /// Cells lose their beginning, because they differ at the end.
    CutStart(usize),
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// How it may shrink.
    pub squeeze: Squeeze,
    /// If given, the column can be left out; the lowest number goes first.
    pub left_out: Option<u8>,
}

/// The width of standard output's terminal; `None` if it is not a terminal.
pub fn terminal_width() -> Option<usize> {
    if !isatty(io::stdout()) {
        return None;
    }
    tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// The table with its headings, in lines of at most `width` characters if possible.
pub fn table<const N: usize>(columns: &[Column; N], rows: &[[String; N]], width: Option<usize>) -> String {
    let mut plan: Vec<(usize, &Column, usize)> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            (at, column, cells.fold(column.title.len(), usize::max))
        })
        .collect();
    if total(&plan, GAP) > width.unwrap_or(usize::MAX) {
        let is_empty =
            |at: usize| rows.iter().filter_map(|row| row.get(at)).all(|cell| cell == "-" || cell.is_empty());
        plan.retain(|(at, column, _)| column.left_out.is_none() || !is_empty(*at));
    }
    let gap = fit(&mut plan, width);
    let mut text = line(plan.iter().map(|(_, column, width)| (column.title.to_owned(), *width)), gap);
    for row in rows {
        let cells = plan.iter().filter_map(|(at, column, width)| {
            let cell = row.get(*at)?;
            Some((cut(cell, *width, column.squeeze), *width))
        });
        text.push_str(&line(cells, gap));
    }
    text
}

/// Shrinks the columns to the width, and returns the gap between them.
fn fit(plan: &mut Vec<(usize, &Column, usize)>, width: Option<usize>) -> usize {
    let room = width.unwrap_or(usize::MAX);
    if total(plan, GAP) <= room {
        return GAP;
    }
    while plan.iter().map(|(_, column, width)| least(column, *width)).sum::<usize>() + gaps(plan) > room {
        let place = |(_, column, _): &(usize, &Column, usize)| column.left_out;
        let Some(first) = plan.iter().filter_map(place).min() else { break };
        plan.retain(|column| place(column) != Some(first));
    }
    while total(plan, NARROW_GAP) > room {
        let can_give = plan.iter_mut().filter(|(_, column, width)| *width > least(column, *width));
        // Of equally wide columns the first one shrinks.
        let Some((_, _, width)) = can_give.min_by_key(|(_, _, width)| Reverse(*width)) else { break };
        *width -= 1;
    }
    NARROW_GAP
}

fn total(plan: &[(usize, &Column, usize)], gap: usize) -> usize {
    plan.iter().map(|(_, _, width)| width + gap).sum::<usize>().saturating_sub(gap)
}

fn gaps(plan: &[(usize, &Column, usize)]) -> usize {
    plan.len().saturating_sub(1) * NARROW_GAP
}

/// The narrowest that a column of this width can be.
fn least(column: &Column, width: usize) -> usize {
    match column.squeeze {
        Squeeze::Never => width,
        Squeeze::CutEnd(least) | Squeeze::CutStart(least) => width.min(least.max(column.title.len())),
    }
}

fn cut(cell: &str, width: usize, squeeze: Squeeze) -> String {
    let length = cell.chars().count();
    let kept = width.saturating_sub(1);
    match squeeze {
        _ if length <= width => cell.to_owned(),
        Squeeze::CutStart(_) => format!("…{}", cell.chars().skip(length - kept).collect::<String>()),
        _ => format!("{}…", cell.chars().take(kept).collect::<String>()),
    }
}

fn line(cells: impl Iterator<Item = (String, usize)>, gap: usize) -> String {
    let text: String = cells.map(|(cell, width)| format!("{cell:0$}", width + gap)).collect();
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column { title: "ID", squeeze: Squeeze::Never, left_out: None },
        Column { title: "NAME", squeeze: Squeeze::CutEnd(6), left_out: None },
        Column { title: "IMAGE", squeeze: Squeeze::CutStart(8), left_out: Some(2) },
        Column { title: "AGE", squeeze: Squeeze::Never, left_out: Some(1) },
    ];

    fn rows() -> [[String; 4]; 2] {
        [
            ["4a7d1ed41447", "db", "registry.example.com/team/postgres:13", "5s"],
            ["92b6d22b0ae0", "a-name-that-is-long", "web", "1h5m"],
        ]
        .map(|row| row.map(str::to_owned))
    }

    #[test]
    fn without_a_width_all_is_shown() {
        let expected = "\
ID             NAME                  IMAGE                                   AGE
4a7d1ed41447   db                    registry.example.com/team/postgres:13   5s
92b6d22b0ae0   a-name-that-is-long   web                                     1h5m
";
        assert_eq!(table(&COLUMNS, &rows(), None), expected);
        assert_eq!(table(&COLUMNS, &rows(), Some(81)), expected);
    }

    #[test]
    fn the_widest_column_shrinks_first() {
        let text = table(&COLUMNS, &rows(), Some(58));
        assert!(text.lines().all(|line| line.chars().count() <= 58), "{text}");
        assert!(text.contains("/postgres:13  5s") && text.contains("a-name-that-is-"), "{text}");
    }

    #[test]
    fn columns_are_left_out_before_a_word_becomes_too_short() {
        let text = table(&COLUMNS, &rows(), Some(30));
        assert_eq!(
            text,
            "ID            NAME    IMAGE\n4a7d1ed41447  db      …gres:13\n92b6d22b0ae0  a-nam…  web\n"
        );
        let text = table(&COLUMNS, &rows(), Some(25));
        assert_eq!(text, "ID            NAME\n4a7d1ed41447  db\n92b6d22b0ae0  a-name-tha…\n");
        assert!(table(&COLUMNS, &rows(), Some(1)).contains("4a7d1ed41447  db\n"));
    }

    #[test]
    fn a_column_without_values_is_left_out_before_anything_is_cut() {
        let rows = rows().map(|[id, name, image, _]| [id, name, image, "-".to_owned()]);
        let text = table(&COLUMNS, &rows, Some(78));
        assert!(!text.contains(" AGE") && !text.contains('…'), "{text}");
        assert!(table(&COLUMNS, &rows, None).contains(" AGE"));
    }
}
