//! The line of `--usage`, and the warning for a task near its memory limit.

use cube::Usage;

/// From this share of the memory limit on, cube warns, in percent.
const NEAR_LIMIT: u64 = 90;

/// The line of `--usage`.
pub fn line(usage: &Usage) -> String {
    let mut parts = Vec::new();
    let mut add = |part: Option<String>| parts.extend(part);
    add(usage.cpu_seconds.map(|seconds| format!("{seconds:.2} s of CPU")));
    let limit = usage.memory_limit_bytes.map(|limit| format!(" of {}", bytes(limit))).unwrap_or_default();
    add(usage.memory_peak_bytes.map(|peak| format!("memory at most {}{limit}", bytes(peak))));
    add(usage.read_bytes.map(|read| format!("read {}", bytes(read))));
    add(usage.written_bytes.map(|written| format!("wrote {}", bytes(written))));
    match (parts.is_empty(), usage.exact) {
        (true, _) => "usage: not known; no control group of the task can be seen from here".to_owned(),
        (false, true) => format!("usage: {}", parts.join(", ")),
        (false, false) => format!("usage, by samples: {}", parts.join(", ")),
    }
}

/// A warning for a task that is near its memory limit.
pub fn warning(usage: &Usage) -> Option<String> {
    let percent = usage.memory_percent().filter(|percent| *percent > NEAR_LIMIT)?;
    let limit = bytes(usage.memory_limit_bytes?);
    Some(format!("the task used {percent} % of its memory limit of {limit}: a little more and it is killed"))
}

/// A short number of bytes: `512 B`, `64 MiB`, `1.5 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut shown, mut unit, mut tenths) = (number, UNITS.first(), 0);
    for larger in UNITS.iter().skip(1) {
        if shown < 1024 {
            break;
        }
        tenths = (shown % 1024) * 10 / 1024;
        shown /= 1024;
        unit = Some(larger);
    }
    let unit = unit.copied().unwrap_or_default();
    if tenths == 0 || shown >= 100 { format!("{shown} {unit}") } else { format!("{shown}.{tenths} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_down_for_people() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn unknown_values_are_left_out() {
        let usage = Usage {
            cpu_seconds: Some(1.5),
            memory_peak_bytes: Some(60 << 20),
            memory_limit_bytes: Some(64 << 20),
            exact: true,
            ..Usage::default()
        };
        assert_eq!(line(&usage), "usage: 1.50 s of CPU, memory at most 60 MiB of 64 MiB");
        assert!(warning(&usage).is_some_and(|text| text.contains("93 %")));
        assert!(line(&Usage::default()).contains("not known") && warning(&Usage::default()).is_none());
    }
}
