//! Patterns for files to leave out, as in `.gitignore`: a pattern without a slash matches a name anywhere, a pattern
//! with a slash matches a path from the top. `*` and `?` do not match slashes, `**` does.

/// Whether `pattern` matches a path below the copied folder, or one of its parent folders.
pub(crate) fn excludes(pattern: &str, path: &[&[u8]]) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let pattern = pattern.trim_matches('/').as_bytes();
    match path.last() {
        Some(name) if !anchored => matches(pattern, name),
        _ => matches(pattern, &path.join(&b'/')),
    }
}

/// Whether `pattern` matches all of `text`. Backtracking goes to the last star only, so the time is at most
/// proportional to the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    // The positions of the last `*` and the last `**` in the pattern, and of the text that they matched up to.
    let mut star: Option<(usize, usize)> = None;
    let mut deep: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at..).unwrap_or_default(), text.get(place)) {
            ([], None) => return true,
            ([b'*', b'*', b'/', ..], _) if at == 0 || pattern.get(at - 1) == Some(&b'/') => {
                (deep, star) = (Some((at + 3, place)), None);
                at += 3;
                continue;
            }
            ([b'*', b'*', ..], _) => {
                (deep, star) = (Some((at + 2, place)), None);
                at += 2;
                continue;
            }
            ([b'*', ..], _) => {
                star = Some((at + 1, place));
                at += 1;
                continue;
            }
            ([b'?', ..], Some(byte)) if *byte != b'/' => {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            ([wanted, ..], Some(byte)) if wanted == byte => {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            _ => {}
        }
        let stepped = |(behind, reach): (usize, usize)| (behind, reach + 1);
        match (star, deep) {
            (Some((_, reach)), _) if text.get(reach).is_some_and(|byte| *byte != b'/') => {
                star = star.map(stepped);
            }
            (_, Some((_, reach))) if reach < text.len() => (deep, star) = (deep.map(stepped), None),
            _ => return false,
        }
        (at, place) = star.or(deep).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excluded(pattern: &str, path: &str) -> bool {
        let parts: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
        excludes(pattern, &parts)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_gitignore() {
        for (pattern, path, expected) in [
            (".git", ".git", true),
            (".git", "sub/.git", true),
            (".git", ".github", false),
            ("*.o", "a/b/c.o", true),
            ("*.o", "c.os", false),
            ("target/", "target", true),
            ("a/*.txt", "a/x.txt", true),
            ("a/*.txt", "b/a/x.txt", false),
            ("a/*.txt", "a/b/x.txt", false),
            ("/top", "top", true),
            ("/top", "a/top", false),
            ("a/**/z", "a/b/c/z", true),
            ("**/z", "b/c/z", true),
            ("**/z", "z", true),
            ("a/**", "a/b/c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "anything", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(excluded(pattern, path), expected, "{pattern} {path}");
        }
    }

    proptest! {
        #[test]
        fn stars_do_not_take_endless_time(stars in 1usize..40, text in "a{0,300}b") {
            let pattern = "*a".repeat(stars) + "c";
            prop_assert!(!excluded(&pattern, &text));
            prop_assert!(!excluded(&("**a".repeat(stars) + "/c"), &text));
        }

        #[test]
        fn a_name_matches_itself(name in "[a-z.]{1,20}") {
            prop_assert!(excluded(&name, &name));
            prop_assert!(excluded("*", &name));
        }
    }
}
