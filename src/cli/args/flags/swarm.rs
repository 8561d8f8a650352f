//! The flags for tasks on a swarm.

use clap::{Args, builder::FalseyValueParser};
use cube::Config;

/// Where on a swarm the task runs.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Swarm")]
pub struct SwarmArgs {
    /// Run the task on the engine's swarm, as a service with one replica
    #[arg(long, env = "CUBE_SWARM", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub swarm: bool,
    /// Run only on matching nodes, for example node.labels.disk==ssd. Repeatable: all must match
    #[arg(long, value_name = "KEY==VALUE", allow_hyphen_values = true)]
    pub constraint: Vec<String>,
    /// Run on the node with this host name
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub node: Option<String>,
}

impl SwarmArgs {
    pub fn apply(&self, config: &mut Config) {
        config.swarm |= self.swarm;
        config.constraints.extend(self.constraint.iter().cloned());
        config.constraints.extend(self.node.iter().map(|name| format!("node.hostname=={name}")));
    }
}
