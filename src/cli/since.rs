//! Reads the points in time of `--since` and `--until`, by the rules of `docker logs`.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};

use cube::{Error, duration};

/// Reads a point in time.
///
/// The forms are those of `docker logs`: a Go duration back from `now` (`10m`, `1h30m`); a date or time of RFC 3339,
/// complete or cut after the day, hour or minute, in the zone `local` if it names none; seconds since 1970
/// (`1700000000.5`).
///
/// # Errors
/// Anything else.
pub fn parse_when<Z: TimeZone>(text: &str, now: DateTime<Utc>, local: &Z) -> Result<DateTime<Utc>, Error> {
    let unix = unix_time(text).or_else(|| ago(text, now)).or_else(|| calendar(text, local));
    unix.ok_or_else(|| {
        Error::invalid("point in time", text, "neither a duration, a date nor seconds since 1970")
            .with_hint("write e.g. 10m, 2026-01-31T12:00:00Z, 2026-01-31 or 1700000000.5")
    })
}

fn unix_time(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let nanoseconds = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()?;
    DateTime::from_timestamp(seconds, nanoseconds)
}

/// A duration before `now`; with a minus sign, after it.
fn ago(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (back, text) = text.strip_prefix('-').map_or((true, text), |rest| (false, rest));
    let delta = TimeDelta::from_std(duration::parse_go(text)?).ok()?;
    if back { now.checked_sub_signed(delta) } else { now.checked_add_signed(delta) }
}

fn calendar<Z: TimeZone>(text: &str, local: &Z) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = parse_date(date)?;
    let zone_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let time = if time.is_empty() { NaiveTime::MIN } else { parse_time(time.strip_prefix('T')?)? };
    let when = date.and_time(time);
    let offset = if zone.is_empty() { offset_at(local, &when) } else { parse_zone(zone)? };
    let utc = when.checked_sub_offset(offset)?;
    Some(utc.and_utc())
}

/// The offset of a local time: the earlier one where clocks go back; where they go forward, the one that holds nearby.
fn offset_at<Z: TimeZone>(local: &Z, when: &NaiveDateTime) -> FixedOffset {
    let offset = local.offset_from_local_datetime(when).earliest();
    offset.unwrap_or_else(|| local.offset_from_utc_datetime(when)).fix()
}

/// Exactly `N` digits.
fn digits<const N: usize>(text: &str) -> Option<u32> {
    (text.len() == N && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    NaiveDate::from_ymd_opt(digits::<4>(year)?.try_into().ok()?, digits::<2>(month)?, digits::<2>(day)?)
}

/// `15`, `15:04`, `15:04:05` or `15:04:05.999999999`.
fn parse_time(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, part)| (clock, Some(part)));
    let mut parts = clock.split(':');
    let hour = digits::<2>(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), digits::<2>)?;
    let second = parts.next();
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let nano = fraction.map_or(Some(0), parse_nanos)?;
    NaiveTime::from_hms_nano_opt(hour, minute, second.map_or(Some(0), digits::<2>)?, nano)
}

fn parse_nanos(fraction: &str) -> Option<u32> {
    let known = (1..=9).contains(&fraction.len());
    known.then(|| format!("{fraction:0<9}")).and_then(|text| digits::<9>(&text))
}

/// `Z` or `+07:00`.
fn parse_zone(text: &str) -> Option<FixedOffset> {
    if text == "Z" {
        return FixedOffset::east_opt(0);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits::<2>(hours)?, digits::<2>(minutes).filter(|minutes| *minutes < 60)?);
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(if text.starts_with('-') { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 250_000_000).unwrap()
    }

    fn when(text: &str) -> Result<String, Error> {
        parse_when(text, now(), &FixedOffset::west_opt(5 * 3600).unwrap()).map(print)
    }

    fn print(when: DateTime<Utc>) -> String {
        format!("{}.{:09}", when.timestamp(), when.timestamp_subsec_nanos().min(999_999_999))
    }

    #[test]
    fn times_are_read_as_docker_reads_them() {
        for (text, unix) in [
            ("2006-01-02T15:04:05.999999999+07:00", "1136189045.999999999"),
            ("2006-01-02T15:04:05.999999999Z", "1136214245.999999999"),
            ("2006-01-02T15:04:05.999999999", "1136232245.999999999"),
            ("2006-01-02T15:04:05.5Z", "1136214245.500000000"),
            ("2006-01-02T15:04:05Z", "1136214245.000000000"),
            ("2006-01-02T15:04:05", "1136232245.000000000"),
            ("2006-01-02T15:04:05-07:00", "1136239445.000000000"),
            ("2006-01-02T15:04Z", "1136214240.000000000"),
            ("2006-01-02T15:04", "1136232240.000000000"),
            ("2006-01-02T15:04+00:00", "1136214240.000000000"),
            ("2006-01-02T15Z", "1136214000.000000000"),
            ("2006-01-02T15", "1136232000.000000000"),
            ("2006-01-02Z", "1136160000.000000000"),
            ("2006-01-02", "1136178000.000000000"),
            ("2006-01-02+07:00", "1136134800.000000000"),
            ("1969-12-31T23:59:59.5Z", "-1.500000000"),
            ("0", "0.000000000"),
            ("1136073600", "1136073600.000000000"),
            ("1136073600.5", "1136073600.500000000"),
            ("1136073600.000000001", "1136073600.000000001"),
            ("1m", "1699999940.250000000"),
            ("1m30s", "1699999910.250000000"),
            ("1.5h", "1699994600.250000000"),
            ("0s", "1700000000.250000000"),
            ("-1m", "1700000060.250000000"),
        ] {
            assert_eq!(when(text).unwrap(), unix, "{text}");
        }
    }

    #[test]
    fn invalid_times_are_refused() {
        for text in [
            "",
            "invalid",
            "yesterday",
            "-",
            "-1",
            "1136073600.",
            ".5",
            "1.2.3",
            "1h30",
            "2006-01",
            "2006-01-2",
            "2006-13-01",
            "2006-02-30",
            "2006-01-02T",
            "2006-01-02TZ",
            "2006-01-02T15:0Z",
            "2006-01-02T15:04:0Z",
            "2006-01-02T24:00Z",
            "2006-01-02T15:60Z",
            "2006-01-02T15:04:05:06Z",
            "2006-01-02T15:04.5Z",
            "2006-01-02T15:04:05.Z",
            "2006-01-02T15:04:05.0000000001Z",
            "2006-01-02T15:04:05+0700",
            "2006-01-02T15:04:05+24:00",
            "2006-01-02T15:04:05+07:60",
            "2006-01-02T15:04:05ZZ",
            "2006-01-02 15:04:05",
            "99999999999999999999",
            "2006-01-0\u{e9}",
            "+2006-01-02",
            "2006-01-02T+5:04",
        ] {
            assert!(when(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_rfc_3339_time_keeps_its_instant(
            seconds in -62_135_596_800_i64..253_402_200_000, nanos in 0_u32..1_000_000_000, east in -720_i32..720
        ) {
            let utc = DateTime::from_timestamp(seconds, nanos).unwrap();
            let zoned = utc.with_timezone(&FixedOffset::east_opt(east * 60).unwrap());
            prop_assume!((0..=9999).contains(&chrono::Datelike::year(&zoned)));
            prop_assert_eq!(when(&zoned.to_rfc3339()).unwrap(), print(utc));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|[-+0-9TZ:.hms]{0,40}") {
            let _ = when(&text);
        }
    }
}
