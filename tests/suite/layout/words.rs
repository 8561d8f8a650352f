//! Rust source as words: names and signs, without comments, literals, lifetimes and what is for tests only.

/// The words of a source file. `::` is one word; every other sign is one of its own.
pub fn words(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let next = unread(&text, at);
        if next == at {
            at = read_word(&text, at, &mut words);
        } else {
            at = next;
        }
    }
    without_tests(&words)
}

fn read_word(text: &[char], at: usize, words: &mut Vec<String>) -> usize {
    let end = match text[at] {
        first if is_name(first) => end_of(text, at, is_name),
        ':' if text.get(at + 1) == Some(&':') => at + 2,
        _ => at + 1,
    };
    words.push(text[at..end].iter().collect());
    end
}

/// Where what begins at `at` ends if it is no word: a blank, a comment, a literal, a lifetime. Else `at`.
fn unread(text: &[char], at: usize) -> usize {
    match (text[at], text.get(at + 1)) {
        (first, _) if first.is_whitespace() => at + 1,
        ('/', Some('/')) => end_of(text, at, |sign| sign != '\n'),
        ('/', Some('*')) => end_of_comment(text, at),
        ('"', _) => end_of_quoted(text, at, '"'),
        ('\'', Some('\\')) => end_of_quoted(text, at, '\''),
        ('\'', _) if text.get(at + 2) == Some(&'\'') => at + 3,
        ('\'', _) => end_of(text, at + 1, is_name),
        ('b' | 'c' | 'r', _) => end_of_prefixed(text, at),
        _ => at,
    }
}

fn is_name(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn end_of(text: &[char], at: usize, belongs: impl Fn(char) -> bool) -> usize {
    text[at..].iter().position(|sign| !belongs(*sign)).map_or(text.len(), |length| at + length)
}

fn end_of_comment(text: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (0, at);
    while end < text.len() {
        match (text[end], text.get(end + 1)) {
            ('/', Some('*')) => (depth, end) = (depth + 1, end + 2),
            ('*', Some('/')) => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
        if depth == 0 {
            break;
        }
    }
    end
}

fn end_of_quoted(text: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < text.len() && text[end] != quote {
        end += if text[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

/// `b"…"`, `c"…"`, `r"…"`, `br#"…"#`, `b'…'`. What begins so and is a name ends where it begins.
fn end_of_prefixed(text: &[char], at: usize) -> usize {
    let prefix = end_of(text, at, |sign| matches!(sign, 'b' | 'c' | 'r'));
    let is_raw = text[at..prefix].contains(&'r');
    let quote = end_of(text, prefix, |sign| is_raw && sign == '#');
    let hashes = quote - prefix;
    match text.get(quote) {
        _ if prefix - at > 2 => at,
        Some('"') if is_raw => {
            let closes = |end: &usize| {
                text[*end] == '"'
                    && text[*end + 1..].iter().take(hashes).filter(|s| **s == '#').count() == hashes
            };
            (quote + 1..text.len()).find(closes).map_or(text.len(), |end| end + 1 + hashes)
        }
        Some(sign @ ('"' | '\'')) => end_of_quoted(text, quote, *sign),
        _ => at,
    }
}

/// What stands before an item that is for tests only; cargo-fuzz is a test too.
const TESTS_ONLY: [&[&str]; 2] = [
    &["#", "[", "cfg", "(", "test", ")", "]"],
    &["#", "[", "cfg", "(", "any", "(", "test", ",", "fuzzing", ")", ")", "]"],
];

/// The words without each item behind one of these.
fn without_tests(words: &[String]) -> Vec<String> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let before = TESTS_ONLY.iter().find(|each| words[at..].iter().take(each.len()).eq(each.iter()));
        if let Some(before) = before {
            at = end_of_item(words, at + before.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where an item ends: after its `;`, or after its closing `}`.
fn end_of_item(words: &[String], from: usize) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(word.as_str(), ";" | "}") {
            return at + 1;
        }
    }
    words.len()
}

#[test]
fn only_identifiers_and_operators_of_the_program_remain() {
    let source = r##"
        //! crate::comment
        use crate::a; /* crate::b /* crate::c */ crate::d */
        fn f<'a>(x: &'a str) -> char { g("crate::e \" crate::f"); r#"crate::g " "#; b'\''; 'x'; b"crate::h"; br"i" }
        #[cfg(test)]
        #[allow(unused)]
        mod tests { use crate::j; fn k() { l } }
        #[cfg(test)]
        mod other;
        #[cfg(any(test, fuzzing))]
        pub mod another;
        m
    "##;
    assert_eq!(
        words(source).join(" "),
        "use crate :: a ; fn f < > ( x : & str ) - > char { g ( ) ; ; ; ; ; } m"
    );
}
