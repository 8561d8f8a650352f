//! A signal from the text that a user types.

use std::str::FromStr;

use crate::{
    config::{
        text::text_serde,
        value::signal::{ALIASES, NAMES, RTMAX, RTMIN, Signal},
    },
    error::Error,
};

impl FromStr for Signal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let upper = text.to_ascii_uppercase();
        let number = parse_number(text).or_else(|| parse_name(upper.strip_prefix("SIG").unwrap_or(&upper)));
        number.filter(|number| (1..=RTMAX).contains(number)).map(Self).ok_or_else(|| {
            Error::invalid("signal", text, "not a signal of Linux")
                .with_hint("write a name or number, such as SIGTERM, INT or 9")
        })
    }
}

/// Digits only: Rust's own parser would accept a plus sign.
fn parse_number(text: &str) -> Option<u8> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn parse_name(name: &str) -> Option<u8> {
    if let Some(above) = name.strip_prefix("RTMIN+") {
        return parse_number(above).filter(|n| (1..=15).contains(n)).map(|n| RTMIN + n);
    }
    if let Some(below) = name.strip_prefix("RTMAX-") {
        return parse_number(below).filter(|n| (1..=14).contains(n)).map(|n| RTMAX - n);
    }
    let named = NAMES.iter().zip(1_u8..).map(|(name, number)| (*name, number));
    named.chain(ALIASES).find_map(|(known, number)| (known == name).then_some(number))
}

text_serde!(Signal, "a signal");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, number, printed) in [
            ("SIGTERM", 15, "SIGTERM"),
            ("sigterm", 15, "SIGTERM"),
            ("term", 15, "SIGTERM"),
            ("15", 15, "SIGTERM"),
            ("KILL", 9, "SIGKILL"),
            ("HUP", 1, "SIGHUP"),
            ("SYS", 31, "SIGSYS"),
            ("iot", 6, "SIGABRT"),
            ("CLD", 17, "SIGCHLD"),
            ("POLL", 29, "SIGIO"),
            ("32", 32, "32"),
            ("RTMIN", 34, "SIGRTMIN"),
            ("RTMIN+3", 37, "SIGRTMIN+3"),
            ("sigrtmin+15", 49, "SIGRTMIN+15"),
            ("RTMAX-14", 50, "SIGRTMAX-14"),
            ("SIGRTMAX", 64, "SIGRTMAX"),
            ("64", 64, "SIGRTMAX"),
        ] {
            let signal: Signal = text.parse().unwrap();
            assert_eq!((signal.number(), signal.to_string().as_str()), (number, printed), "{text}");
        }
        for text in [
            "",
            "0",
            "00",
            "-1",
            "+15",
            "65",
            "256",
            "SIG",
            "SIGSIGTERM",
            "SIG15",
            "TERM ",
            " TERM",
            "NOSUCH",
            "RTMIN+",
            "RTMIN+0",
            "RTMIN+16",
            "RTMIN-1",
            "RTMAX-15",
            "RTMAX+1",
            "RTMIN++3",
            "1.5",
        ] {
            assert!(text.parse::<Signal>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_signal_survives_print_and_parse() {
        for number in 1..=64 {
            assert_eq!(Signal(number).to_string().parse::<Signal>().unwrap(), Signal(number));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|(SIG)?RTM(IN|AX)[-+0-9]{0,5}") {
            let _ = text.parse::<Signal>();
        }
    }
}
