//! Comma-separated lists of `key=value` fields, as in Docker's long forms (`--mount`, `--network`, `--gpus`).

/// Splits a text at its commas. A field in quotation marks may hold commas; two marks inside it stand for one.
pub(crate) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = text.lines().next().filter(|line| !line.is_empty()).ok_or("it is empty")?;
    loop {
        let (field, tail) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => plain(rest)?,
        };
        fields.push(field);
        match tail.strip_prefix(',') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(fields),
            None => return Err("text between a closing quotation mark and the comma"),
        }
    }
}

fn plain(text: &str) -> Result<(String, &str), &'static str> {
    let (field, tail) = text.split_at(text.find(',').unwrap_or(text.len()));
    if field.contains('"') { Err("a quotation mark inside a field") } else { Ok((field.to_owned(), tail)) }
}

fn unquote(mut text: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    loop {
        let (part, tail) = text.split_once('"').ok_or("a quotation mark is not closed")?;
        field.push_str(part);
        match tail.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                text = more;
            }
            None => return Ok((field, tail)),
        }
    }
}

/// Joins fields with commas; puts them in quotation marks where necessary.
pub(crate) fn join<T: AsRef<str>>(fields: impl IntoIterator<Item = T>) -> String {
    let quoted = |field: T| {
        let field = field.as_ref();
        if field.contains([',', '"']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    };
    fields.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// A field's key in lower case, and its value if there is a `=`.
pub(crate) fn key(field: &str) -> (String, Option<&str>) {
    let (key, value) = field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
    (key.to_ascii_lowercase(), value)
}

/// A boolean, as Go's `strconv.ParseBool` reads it.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_separated_by_commas_and_may_be_quoted() {
        for (text, fields) in [
            ("a", vec!["a"]),
            ("a,b=c,", vec!["a", "b=c", ""]),
            (r#""device=1,2",count=1"#, vec!["device=1,2", "count=1"]),
            (r#""a""b",c"#, vec![r#"a"b"#, "c"]),
            (" a , b", vec![" a ", " b"]),
            ("a\nb", vec!["a"]),
        ] {
            assert_eq!(split(text).unwrap(), fields, "{text}");
        }
        for text in ["", "\n", r#"a"b"#, r#""a"b"#, r#""a"#] {
            assert!(split(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_fields_survive_join_and_split(fields in prop::collection::vec("[^\r\n]{1,9}", 1..5)) {
            prop_assert_eq!(split(&join(&fields)).unwrap(), fields);
        }
    }
}
