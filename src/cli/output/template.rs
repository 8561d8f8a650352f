//! The templates of `--export`: text with the placeholders `{host}`, `{port}`, `{port:5432}`, `{name}` and `{id}`.

use cube::{DockerResult, Error, ErrorKind, Port, Protocol};

/// The placeholders, for error messages.
const KNOWN: &str = "{host}, {port}, {port:5432}, {name}, {id}; {{ is a brace";

/// A text with placeholders.
#[derive(Debug)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Host,
    LowestPort,
    Port(Port),
    Name,
    Id,
}

impl Template {
    /// Reads the template of the flag `--export WHOLE`.
    pub fn parse(whole: &str, text: &str) -> Result<Self, Error> {
        let invalid = |reason: String| {
            Error::invalid("export", whole, reason).with_hint(format!("the placeholders are {KNOWN}"))
        };
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some((brace, after)) = literal_brace(from) {
                plain.push(brace);
                rest = after;
                continue;
            }
            let inside = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let (word, after) = inside.ok_or_else(|| invalid("a `{` has no `}`".to_owned()))?;
            let part =
                placeholder(word).ok_or_else(|| invalid(format!("no such placeholder: {{{word}}}")))?;
            parts.extend([Part::Text(std::mem::take(&mut plain)), part]);
            rest = after;
        }
        parts.push(Part::Text(plain + rest));
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The template as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for a task that runs; `name` is the variable that it is for.
    pub fn fill(&self, name: &str, task: &DockerResult) -> Result<String, Error> {
        let fill = |part: &Part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Host => Ok(host(task)),
            Part::LowestPort => lowest_port(name, task),
            Part::Port(port) => host_port(name, *port, task),
            Part::Name => Ok(task.name.clone().unwrap_or_default()),
            Part::Id => Ok(task.container_id.clone().unwrap_or_default()),
        };
        self.parts.iter().map(fill).collect()
    }
}

/// A doubled brace at the beginning of the text, as one brace, and the rest of the text.
fn literal_brace(text: &str) -> Option<(char, &str)> {
    if let Some(after) = text.strip_prefix("{{") {
        return Some(('{', after));
    }
    text.strip_prefix("}}").or_else(|| text.strip_prefix('}')).map(|after| ('}', after))
}

fn placeholder(word: &str) -> Option<Part> {
    match word {
        "host" => Some(Part::Host),
        "port" => Some(Part::LowestPort),
        "name" => Some(Part::Name),
        "id" => Some(Part::Id),
        _ => word.strip_prefix("port:")?.parse().ok().map(Part::Port),
    }
}

fn lowest_port(name: &str, task: &DockerResult) -> Result<String, Error> {
    let mut bound = task.ports.iter().filter(|(port, _)| port.protocol == Protocol::Tcp);
    let first = bound.find_map(|(_, bindings)| bindings.first());
    first.map(|binding| binding.port.to_string()).ok_or_else(|| {
        let message = format!("--export {name} needs a port, but the task publishes no tcp port");
        Error::new(ErrorKind::NotPublished, message)
            .with_hint("publish one with -p, or expose it with --expose")
    })
}

fn host_port(name: &str, port: Port, task: &DockerResult) -> Result<String, Error> {
    let binding = task.ports.get(&port).and_then(|bindings| bindings.first());
    binding.map(|binding| binding.port.to_string()).ok_or_else(|| {
        let message = format!("--export {name} needs port {port}, which the task does not publish");
        Error::new(ErrorKind::NotPublished, message).with_hint(format!("publish it with -p {}", port.number))
    })
}

/// The address at which the task's ports are published.
pub fn host(result: &DockerResult) -> String {
    let bound = result.ports.iter().filter_map(|(port, bindings)| Some((port, bindings.first()?)));
    let bound: Vec<_> = bound.collect();
    let tcp = bound.iter().find(|(port, _)| port.protocol == Protocol::Tcp).or(bound.first());
    tcp.map_or_else(|| "127.0.0.1".to_owned(), |(_, binding)| binding.host.clone())
}

#[cfg(test)]
mod tests {
    use cube::Action;
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &str) -> Result<String, Error> {
        let mut task = DockerResult::success(Action::Start);
        task.name = Some("db".to_owned());
        Template::parse(template, template)?.fill("A", &task)
    }

    #[test]
    fn braces_are_doubled_and_placeholders_filled_in() {
        for (template, text) in [
            ("", ""),
            ("plain", "plain"),
            ("{name}", "db"),
            ("a{name}b{host}c", "adbb127.0.0.1c"),
            ("{{name}}", "{name}"),
            ("{{{name}}}", "{db}"),
            ("a}b", "a}b"),
            ("ä{name}ö", "ädbö"),
        ] {
            assert_eq!(filled(template).unwrap(), text, "{template}");
        }
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        for template in ["{}", "{ host}", "{Host}", "{port:}", "{port:x}", "{name", "{port:70000}"] {
            let error = Template::parse(template, template).unwrap_err();
            assert!(
                error.kind() == ErrorKind::InvalidInput && error.to_string().contains(template),
                "{error}"
            );
        }
    }

    #[test]
    fn a_port_that_is_not_published_is_named() {
        let error = filled("{port:5432}").unwrap_err();
        assert!(error.kind() == ErrorKind::NotPublished && error.to_string().contains("5432"), "{error}");
        assert_eq!(filled("{port}").unwrap_err().kind(), ErrorKind::NotPublished);
    }

    proptest! {
        #[test]
        fn doubled_braces_make_any_text_a_template_of_itself(text in "[a-z{}ä ]{0,12}") {
            prop_assert_eq!(filled(&text.replace('{', "{{").replace('}', "}}")).unwrap(), text);
        }
    }
}
