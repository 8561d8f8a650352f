//! `cube ps`: cube's own tasks.

use chrono::{TimeDelta, Utc};
use cube::{Error, ErrorKind, ListFilter, Listed, Ports, duration, printable::printable};

use crate::cli::{
    app::App,
    args::{commands::PsArgs, global::OutputFormat},
    outcome::Outcome,
    output::{
        render::json,
        stdio,
        table::{self, Column, Squeeze},
    },
};

/// The width of a published port: `0.0.0.0:32768->5432/tcp`.
const ONE_PORT: usize = 23;

/// Ids and times are never cut: a column without room is left out, and `-o json` has it.
const COLUMNS: [Column; 7] = [
    column("CONTAINER ID", Squeeze::Never, None),
    column("NAME", Squeeze::CutEnd(8), None),
    column("IMAGE", Squeeze::CutStart(8), Some(4)),
    column("STATUS", Squeeze::CutEnd(8), None),
    column("AGE", Squeeze::Never, Some(2)),
    column("TIME LEFT", Squeeze::Never, Some(1)),
    column("PORTS", Squeeze::CutEnd(ONE_PORT), Some(3)),
];

const fn column(title: &'static str, squeeze: Squeeze, left_out: Option<u8>) -> Column {
    Column { title, squeeze, left_out }
}

pub async fn ps(app: &App, args: &PsArgs) -> Result<Outcome, Error> {
    listed(app, args).await.map_err(|error| error.during("cannot list the tasks"))?;
    Ok(Outcome::reported(0))
}

async fn listed(app: &App, args: &PsArgs) -> Result<(), Error> {
    let filters: Vec<ListFilter> = args.filter.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    if args.swarm && !filters.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "--filter is for an engine's own tasks, not for a swarm's",
        )
        .with_hint("pick from the whole list: `cube ps --swarm -o json`"));
    }
    let docker = app.docker().await?;
    let listed = if args.swarm {
        docker.list_swarm(args.all).await?
    } else {
        docker.list_filtered(args.all, &filters).await?
    };
    let (expired, tasks): (Vec<Listed>, Vec<Listed>) = listed.into_iter().partition(Listed::is_expired);
    for task in &expired {
        docker.remove_listed(task).await?;
    }
    match app.output() {
        OutputFormat::Json => stdio::print(&json::line(&tasks)),
        _ if app.global.quiet => {
            stdio::print(&tasks.iter().map(|t| format!("{}\n", t.id)).collect::<String>())
        }
        _ => {
            let rows: Vec<_> = tasks.iter().map(row).collect();
            stdio::print(&table::table(&COLUMNS, &rows, table::terminal_width()))
        }
    }
}

fn row(task: &Listed) -> [String; 7] {
    let now = task.listed_at.unwrap_or_else(Utc::now);
    let text = |text: &str| printable(text);
    [
        task.id.chars().take(12).collect(),
        text(&task.name),
        text(&task.image),
        text(&task.status),
        task.created_at.map(|t| short(now - t)).unwrap_or_default(),
        task.expires_at.map_or_else(
            || "-".to_owned(),
            |end| if end <= now { "expired".to_owned() } else { short(end - now) },
        ),
        ports(&task.ports),
    ]
}

/// A duration in whole seconds, with its two largest units only.
fn short(span: TimeDelta) -> String {
    let seconds = u64::try_from(span.num_seconds()).unwrap_or(0);
    let rounded = match seconds {
        0..3600 => seconds,
        _ => seconds / 60 * 60,
    };
    duration::format(std::time::Duration::from_secs(rounded))
}

fn ports(ports: &Ports) -> String {
    let each = ports.iter().flat_map(|(port, bindings)| match bindings.as_slice() {
        [] => vec![port.to_string()],
        bindings => bindings.iter().map(|b| format!("{b}->{port}")).collect(),
    });
    each.collect::<Vec<_>>().join(", ")
}
