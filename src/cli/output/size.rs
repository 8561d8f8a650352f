//! Short numbers of bytes for progress displays, with decimal units (multiples of 1000).

/// `999 B`, `1.0 kB`, `45.6 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let mut rest = bytes;
    let mut tenths = 0;
    let mut unit = "B";
    for larger in UNITS {
        if rest < 1000 {
            break;
        }
        (tenths, rest, unit) = (rest % 1000 / 100, rest / 1000, larger);
    }
    if unit == "B" { format!("{rest} B") } else { format!("{rest}.{tenths} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_073_741_824, "1.0 GB"), (u64::MAX, "18.4 EB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
