//! The flags for mounts.

use clap::Args;
use cube::{Config, Error, FullMount, Mount};

use crate::cli::args::flags::{given, set};

/// What is mounted into the container.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Storage")]
pub struct StorageArgs {
    /// Mount a volume or a host path: [SOURCE:]PATH[:OPTIONS]
    #[arg(short, long, value_name = "VOLUME", allow_hyphen_values = true)]
    pub volume: Vec<String>,
    /// Mount a temporary file system: PATH[:OPTIONS]
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub tmpfs: Vec<String>,
    /// Mount in the long form: type=bind|volume|tmpfs|image,source=…,target=…[,readonly]
    #[arg(long, value_name = "FIELDS", allow_hyphen_values = true)]
    pub mount: Vec<String>,
    /// Mount the volumes of another container: NAME[:ro]
    #[arg(long, value_name = "NAME[:ro]", allow_hyphen_values = true)]
    pub volumes_from: Vec<String>,
    /// Driver for volumes that are created for the task
    #[arg(long, value_name = "DRIVER", allow_hyphen_values = true)]
    pub volume_driver: Option<String>,
    /// Option of the storage driver: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub storage_opt: Vec<String>,
    /// Give the task the engine's socket and a file with your registry credentials
    #[arg(long)]
    pub use_api_socket: bool,
}

impl StorageArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        let cwd = std::env::current_dir().unwrap_or_default();
        let storage = &mut config.storage;
        for volume in &self.volume {
            storage.volumes.push(Mount::parse(volume, &cwd)?);
        }
        for tmpfs in &self.tmpfs {
            storage.tmpfs.push(tmpfs.parse()?);
        }
        for mount in &self.mount {
            storage.mount.push(FullMount::parse(mount, &cwd)?);
        }
        storage.volumes_from.extend(self.volumes_from.iter().cloned());
        set(&mut storage.volume_driver, given(self.volume_driver.as_ref()));
        for option in &self.storage_opt {
            let (name, value) = option.split_once('=').ok_or_else(|| {
                Error::invalid("storage option", option, "there is no `=`")
                    .with_hint("write --storage-opt size=10g")
            })?;
            storage.storage_opt.insert(name.to_owned(), value.to_owned());
        }
        storage.use_api_socket |= self.use_api_socket;
        Ok(())
    }
}
