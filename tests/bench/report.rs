//! The table and the JSON document.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::measure::Used;
use crate::proxy::Counted;

/// All measurements of one job by one client.
pub struct Row {
    pub workload: String,
    pub client: &'static str,
    pub runs: Vec<Used>,
    pub counted: Counted,
}

impl Row {
    fn median(&self, of: impl Fn(&Used) -> f64) -> f64 {
        let mut numbers: Vec<f64> = self.runs.iter().map(of).collect();
        numbers.sort_by(f64::total_cmp);
        let middle = numbers.len() / 2;
        if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        }
    }

    /// Milliseconds.
    fn wall(&self) -> f64 {
        self.median(|used| used.wall.as_secs_f64() * 1e3)
    }

    /// Milliseconds.
    fn cpu(&self) -> f64 {
        self.median(|used| used.cpu.as_secs_f64() * 1e3)
    }

    /// MiB.
    #[allow(clippy::cast_precision_loss)] // sizes are far below
    fn peak(&self) -> f64 {
        self.median(|used| used.peak_kib as f64 / 1024.0)
    }

    fn json(&self) -> Value {
        let kinds: BTreeSet<_> = self.counted.requests.iter().collect();
        let number = |kind| self.counted.requests.iter().filter(|request| *request == kind).count();
        let requests: Vec<_> = kinds.into_iter().map(|kind| json!([kind, number(kind)])).collect();
        json!({"workload": self.workload, "client": self.client, "runs": self.runs.len(),
            "wall_ms": self.wall(), "cpu_ms": self.cpu(), "peak_mib": self.peak(),
            "requests": requests, "bytes_sent": self.counted.sent, "bytes_received": self.counted.received})
    }
}

/// The table, in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut table = "| job | client | wall ms | CPU ms | peak MiB | requests | sent | received | cube's wall | cube's CPU |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n".to_owned();
    for row in rows {
        let Counted { requests, sent, received } = &row.counted;
        let (wall, cpu) = ratios(rows, row);
        table += &format!(
            "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {sent} | {received} | {wall} | {cpu} |\n",
            row.workload,
            row.client,
            row.wall(),
            row.cpu(),
            row.peak(),
            requests.len(),
        );
    }
    table
}

/// cube's wall and CPU time relative to this client's.
fn ratios(rows: &[Row], row: &Row) -> (String, String) {
    let own = rows.iter().find(|other| other.client == "cube" && other.workload == row.workload);
    match own {
        Some(own) if row.client != "cube" => {
            (format!("{:.3} ×", own.wall() / row.wall()), format!("{:.2} ×", own.cpu() / row.cpu()))
        }
        _ => (String::new(), String::new()),
    }
}

/// The JSON document.
pub fn document(rows: &[Row], instructions: Option<&Map<String, Value>>, build: &Value) -> Value {
    json!({"build": build, "instructions": instructions, "rows": rows.iter().map(Row::json).collect::<Vec<_>>()})
}
