//! The variables through which a script, or HOST-COMMAND of `with`, finds a task; in the forms `env`, `dotenv` and
//! `github`.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
};

use cube::{DockerResult, Error, ErrorKind, Protocol, printable::printable, random_id, shell_word};

use crate::cli::{
    args::{flags::names::NamesArgs, global::OutputFormat},
    output::template::{self, Template},
};

/// The variable with the path of the file for a GitHub Actions job's variables.
const GITHUB_ENV: &str = "GITHUB_ENV";

/// A variable and its value.
type Variable = (String, String);

/// The prefix of a task's variables, and the extra variables of `--export`.
#[derive(Debug, Default)]
pub struct Names {
    prefix: Option<String>,
    exports: Vec<(String, Template)>,
}

impl Names {
    /// Reads the flags; refuses names that the form `output` cannot express.
    pub fn read(args: &NamesArgs, output: OutputFormat) -> Result<Self, Error> {
        if let Some(prefix) = &args.prefix {
            check_prefix(prefix)?;
        }
        let exports = args.export.iter().map(|text| export(text)).collect::<Result<Vec<_>, _>>()?;
        if output == OutputFormat::Dotenv {
            for (name, template) in &exports {
                dotenv_line(name, template.text())?;
            }
        }
        Ok(Self { prefix: args.prefix.clone(), exports })
    }

    /// Whether there is a template to fill in.
    pub fn exports_any(&self) -> bool {
        !self.exports.is_empty()
    }

    /// Fills in the templates and stores their values in the result.
    pub fn fill(&self, result: &mut DockerResult) -> Result<(), Error> {
        if self.exports.is_empty() {
            return Ok(());
        }
        let mut values = BTreeMap::new();
        for (name, template) in &self.exports {
            values.insert(name.clone(), template.fill(name, result)?);
        }
        result.env = Some(values);
        Ok(())
    }

    /// The variables of a task; those of `--export` come last.
    pub fn variables(&self, result: &DockerResult) -> Vec<Variable> {
        let (prefix, name) = match &self.prefix {
            Some(prefix) => (prefix.as_str(), "CONTAINER_NAME"),
            None => ("CUBE", "NAME"),
        };
        let mut known = vec![("CONTAINER_ID".to_owned(), result.container_id.clone())];
        known.push(("TASK_ID".to_owned(), result.task_id.map(|id| id.to_string())));
        known.push((name.to_owned(), result.name.clone()));
        known.extend(addresses(result));
        known.push(("EXIT_CODE".to_owned(), result.exit_code.map(|code| code.to_string())));
        // Values from the engine must not contain characters that control a terminal.
        let known = known
            .into_iter()
            .filter_map(|(name, value)| Some((format!("{prefix}_{name}"), printable(&value?))));
        let exported = result.env.iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        known.chain(exported).collect()
    }
}

/// The variables with the address of the lowest tcp port and of each port.
fn addresses(result: &DockerResult) -> Vec<(String, Option<String>)> {
    let bound = result.ports.iter().filter_map(|(port, bindings)| Some((port, bindings.first()?)));
    let bound: Vec<_> = bound.collect();
    let lowest =
        bound.iter().find(|(port, _)| port.protocol == Protocol::Tcp).map(|(_, binding)| binding.port);
    let mut known = vec![
        ("HOST".to_owned(), Some(template::host(result))),
        ("PORT".to_owned(), lowest.map(|p| p.to_string())),
    ];
    for (port, binding) in bound {
        let suffix = match port.protocol {
            Protocol::Tcp => String::new(),
            Protocol::Udp => "_UDP".to_owned(),
            Protocol::Sctp => "_SCTP".to_owned(),
        };
        known.push((format!("PORT_{}{suffix}", port.number), Some(binding.port.to_string())));
    }
    known
}

fn export(text: &str) -> Result<(String, Template), Error> {
    let example = "write --export 'DATABASE_URL=postgres://u@{host}:{port:5432}/db'";
    let invalid = |reason: &str| Error::invalid("export", text, reason).with_hint(example);
    let (name, template) = text.split_once('=').ok_or_else(|| invalid("there is no `=`"))?;
    if !is_name(name) {
        return Err(invalid("what is before the `=` is not a variable's name"));
    }
    Ok((name.to_owned(), Template::parse(text, template)?))
}

fn check_prefix(prefix: &str) -> Result<(), Error> {
    if !is_name(prefix) {
        let reason = "only letters, digits and `_`, and no digit first";
        return Err(Error::invalid("prefix", prefix, reason).with_hint("write --prefix DB"));
    }
    if prefix == "DOCKER" {
        let reason = "DOCKER_HOST is the engine's address";
        return Err(Error::invalid("prefix", prefix, reason).with_hint("choose another --prefix"));
    }
    Ok(())
}

/// Whether a POSIX shell can hold a variable of this name.
fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.starts_with(|first: char| first.is_ascii_digit()) && !text.is_empty() && text.bytes().all(word)
}

/// The variables as lines for `eval`.
pub fn shell_lines(variables: &[Variable]) -> String {
    variables.iter().map(|(name, value)| format!("{name}={}\n", shell_word(value))).collect()
}

/// The variables as lines of an env file, which has no quotes.
pub fn dotenv_lines(variables: &[Variable]) -> Result<String, Error> {
    variables.iter().map(|(name, value)| dotenv_line(name, value)).collect()
}

fn dotenv_line(name: &str, value: &str) -> Result<String, Error> {
    let refused = if value.contains(char::is_control) {
        Some("a line break or another control character")
    } else if value.trim() != value {
        Some("white space at its beginning or end")
    } else if value.starts_with(['\'', '"', '`']) {
        Some("a quote at its beginning")
    } else if value.starts_with('#') || value.contains(" #") {
        Some("what readers take for a comment (`#`)")
    } else {
        None
    };
    match refused {
        None => Ok(format!("{name}={value}\n")),
        Some(what) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the value of {name} has {what}, which a line of -o dotenv cannot hold"),
        )
        .with_hint("use -o env, which quotes, or -o json")),
    }
}

/// The file for the variables of a job of GitHub Actions.
fn github_file() -> Result<(PathBuf, File), Error> {
    let path = std::env::var_os(GITHUB_ENV).filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = path else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "-o github needs the variable GITHUB_ENV, which is not set",
        )
        .with_hint("a job of GitHub Actions has it; elsewhere use -o env or -o dotenv"));
    };
    match OpenOptions::new().append(true).create(true).open(&path) {
        Ok(file) => Ok((path, file)),
        Err(cause) => Err(github_unwritable(&path, cause)),
    }
}

fn github_unwritable(path: &std::path::Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot write the file {} that GITHUB_ENV names", path.display()))
        .with_source(cause)
        .with_hint("name a file in a folder that exists with GITHUB_ENV")
}

/// Checks, before anything is done, that the variables can be written in this form.
pub fn check_place(output: OutputFormat) -> Result<(), Error> {
    if output == OutputFormat::Github { github_file().map(drop) } else { Ok(()) }
}

/// Appends the variables to the file of a job of GitHub Actions.
pub fn append_github(variables: &[Variable]) -> Result<(), Error> {
    let (path, mut file) = github_file()?;
    let lines: String = variables.iter().map(|(name, value)| github_line(name, value)).collect();
    file.write_all(lines.as_bytes()).map_err(|cause| github_unwritable(&path, cause))
}

fn github_line(name: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{name}={value}\n");
    }
    // The delimiter is random, so that no value can contain it.
    let end = random_id();
    format!("{name}<<{end}\n{value}\n{end}\n")
}

#[cfg(test)]
mod tests {
    use cube::{Action, Binding};

    use super::*;

    fn result() -> DockerResult {
        let mut result = DockerResult::success(Action::Start);
        result.container_id = Some("abc".to_owned());
        result.name = Some("db".to_owned());
        for (port, host) in [("53/udp", 1000), ("5432/tcp", 2000), ("8080/tcp", 3000)] {
            let binding = Binding { host: "10.0.0.1".to_owned(), port: host };
            result.ports.insert(port.parse().unwrap(), vec![binding]);
        }
        result
    }

    fn names(prefix: Option<&str>, export: &[&str]) -> Result<Names, Error> {
        let export = export.iter().map(|text| (*text).to_owned()).collect();
        Names::read(&NamesArgs { prefix: prefix.map(str::to_owned), export }, OutputFormat::Text)
    }

    #[test]
    fn a_prefix_replaces_cube() {
        let text = |names: &Names| shell_lines(&names.variables(&result()));
        let usual = text(&names(None, &[]).unwrap());
        let own = text(&names(Some("DB"), &[]).unwrap());
        for line in ["CUBE_CONTAINER_ID='abc'", "CUBE_NAME='db'", "CUBE_HOST='10.0.0.1'", "CUBE_PORT='2000'"]
        {
            assert!(usual.contains(line), "{line}: {usual}");
        }
        for line in
            ["DB_CONTAINER_ID='abc'", "DB_CONTAINER_NAME='db'", "DB_PORT='2000'", "DB_PORT_8080='3000'"]
        {
            assert!(own.contains(line), "{line}: {own}");
        }
        assert!(own.contains("DB_PORT_53_UDP='1000'") && !own.contains("CUBE_"), "{own}");
    }

    #[test]
    fn templates_are_filled_in_and_stay_in_the_result() {
        let names = names(None, &["URL=postgres://u@{host}:{port:8080}/{name}", "RAW={{{port}"]).unwrap();
        let mut result = result();
        names.fill(&mut result).unwrap();
        let env = result.env.clone().unwrap();
        assert_eq!((env["URL"].as_str(), env["RAW"].as_str()), ("postgres://u@10.0.0.1:3000/db", "{2000"));
        assert!(shell_lines(&names.variables(&result)).ends_with("URL='postgres://u@10.0.0.1:3000/db'\n"));
    }

    #[test]
    fn unusable_names_and_templates_are_refused() {
        for (prefix, export) in [
            (Some("1A"), None),
            (Some(""), None),
            (Some("A-B"), None),
            (Some("DOCKER"), None),
            (None, Some("A")),
            (None, Some("=x")),
            (None, Some("A B=x")),
            (None, Some("A={hots}")),
        ] {
            let error = names(prefix, export.as_slice()).unwrap_err();
            let given = prefix.or(export).unwrap();
            assert!(error.to_string().contains(given) && error.hint().is_some(), "{given}: {error}");
        }
    }

    #[test]
    fn a_value_that_an_unquoted_line_cannot_hold_is_an_error() {
        for value in ["a\nb", " a", "a ", "'a'", "\"a\"", "# a", "a # b", "a\tb"] {
            assert!(dotenv_line("A", value).is_err(), "{value:?}");
        }
        for value in ["", "a b", "a#b", "it's", "a=b", "$x"] {
            assert_eq!(dotenv_line("A", value).unwrap(), format!("A={value}\n"));
        }
    }

    #[test]
    fn a_value_of_several_lines_has_an_end_of_its_own_for_github() {
        assert_eq!(github_line("A", "x y"), "A=x y\n");
        let lines = github_line("A", "x\nA<<B");
        let end = lines.lines().last().unwrap().to_owned();
        assert_eq!(lines, format!("A<<{end}\nx\nA<<B\n{end}\n"));
    }
}
