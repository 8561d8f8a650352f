//! JSON as it is printed: nothing in it can rewrite a terminal.

use cube::printable::rewrites;

/// The JSON form, as one line.
pub fn line(value: &impl serde::Serialize) -> String {
    let mut line = escaped(&serde_json::to_string(value).unwrap_or_default());
    line.push('\n');
    line
}

/// JSON in which each character that controls a terminal is escaped. JSON itself leaves DEL and all above it as is.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if (c == '\u{7f}' || !c.is_ascii()) && rewrites(c) => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}
