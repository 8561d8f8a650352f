//! Reads the engine's own JSON of a container that failed.

use cube::RunningTask;
use serde_json::Value;

/// The engine's JSON; null if the engine does not give it.
#[derive(Debug, Default)]
pub struct Container(Value);

impl Container {
    pub async fn read(task: &RunningTask) -> Self {
        Self(task.inspect_raw().await.unwrap_or_default())
    }

    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The exit code of its process, if it has ended.
    pub fn exit_code(&self) -> Option<i64> {
        let has_ended =
            self.at("/State/FinishedAt")?.as_str()? > "1970" && self.at("/State/Running")? == false;
        has_ended.then(|| self.at("/State/ExitCode")?.as_i64()).flatten()
    }

    pub fn out_of_memory(&self) -> bool {
        self.at("/State/OOMKilled").and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn memory_limit(&self) -> Option<u64> {
        self.at("/HostConfig/Memory")?.as_u64().filter(|limit| *limit > 0)
    }

    /// Whether its restart policy started it again.
    pub fn was_restarted(&self) -> bool {
        self.at("/RestartCount").and_then(Value::as_u64).is_some_and(|count| count > 0)
    }

    /// Its program and arguments, with the entry point.
    pub fn command(&self) -> Vec<String> {
        let program = self.at("/Path").and_then(Value::as_str).filter(|path| !path.is_empty());
        let arguments =
            self.at("/Args").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        program.into_iter().chain(arguments).map(str::to_owned).collect()
    }

    /// Its environment, as `NAME=value`.
    pub fn env(&self) -> Vec<&str> {
        let variables = self.at("/Config/Env").and_then(Value::as_array);
        variables.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn at(&self, path: &str) -> Option<&Value> {
        self.0.pointer(path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_fields_are_none() {
        let nothing = Container::default();
        assert_eq!(
            (nothing.exit_code(), nothing.memory_limit(), nothing.out_of_memory()),
            (None, None, false)
        );
        let ended = Container(json!({
            "Config": {"Env": ["A=b"]}, "Path": "sh", "Args": ["-c", "x"], "HostConfig": {"Memory": 0},
            "State": {"FinishedAt": "2026-01-01T00:00:00Z", "Running": false, "ExitCode": 3, "OOMKilled": true},
        }));
        assert_eq!((ended.exit_code(), ended.memory_limit(), ended.out_of_memory()), (Some(3), None, true));
        assert_eq!((ended.command(), ended.env()), (vec!["sh".into(), "-c".into(), "x".into()], vec!["A=b"]));
        let created =
            json!({"State": {"FinishedAt": "0001-01-01T00:00:00Z", "Running": false, "ExitCode": 127}});
        assert_eq!(Container(created).exit_code(), None);
    }
}
