//! Commands in containers.

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    engine::answers::{Answer, no_container, refused, said, words},
    model::{
        Model,
        container::Stage,
        exec::Exec,
        program::{Program, Step},
        world::World,
    },
};

pub fn create(model: &mut Model, id: &str, body: &[u8]) -> Answer {
    let Some(container) = model.containers.get(id) else { return no_container(id) };
    match container.stage {
        Stage::Running => {}
        Stage::Restarting => {
            let text = format!("Container {id} is restarting, wait until the container is running");
            return refused(409, &text);
        }
        _ => return refused(409, &format!("Container {id} is not running")),
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (container, process) = (id.to_owned(), container.process);
    let exec = Exec::new(container, process, words(&body, "/Cmd"));
    let id = model.id();
    model.execs.insert(id.clone(), exec);
    said(201, &json!({"Id": id}))
}

/// Starts it; its output is the answer.
pub fn start(world: &World, id: &str) -> Answer {
    let program = world.change(|model| begin(model, id));
    match program {
        Ok(program) => {
            let (running, key) = (world.clone(), id.to_owned());
            tokio::spawn(async move { live(&running, &key, &program).await });
            Answer::Exec(id.to_owned())
        }
        Err(refusal) => refusal,
    }
}

fn begin(model: &mut Model, id: &str) -> Result<Program, Answer> {
    let Some(exec) = model.execs.get(id).cloned() else {
        return Err(refused(404, &format!("No such exec instance: {id}")));
    };
    let runs = model.containers.get(&exec.container).filter(|c| c.stage == Stage::Running);
    let Some(container) = runs.filter(|container| container.process == exec.process) else {
        return Err(refused(409, &format!("Container {} is not running", exec.container)));
    };
    let program = exec.program(container.ready.is_some());
    if exec.starts > 0 {
        model.violated(format!("a second start of the command {id}"));
        return Err(refused(409, &format!("Error: Exec command {id} is already running")));
    }
    if let Some(exec) = model.execs.get_mut(id) {
        exec.starts += 1;
    }
    Ok(program)
}

/// A command's life, which ends with that of its container.
async fn live(world: &World, id: &str, program: &Program) {
    for step in program.steps(1) {
        match step {
            Step::Pass(time) => sleep(time).await,
            Step::Write(stream, bytes) => world.change(|model| model.command_wrote(id, stream, bytes)),
            Step::Ready => {}
            Step::Exit(code) => world.change(|model| model.command_ended(id, code)),
        }
    }
}

pub fn inspect(model: &Model, id: &str) -> Answer {
    match model.execs.get(id) {
        Some(exec) => said(
            200,
            &json!({"ID": id, "Running": exec.starts > 0 && exec.code.is_none(), "ExitCode": exec.code,
                "ContainerID": exec.container, "OpenStdin": false, "Pid": 0}),
        ),
        None => refused(404, &format!("No such exec instance: {id}")),
    }
}
