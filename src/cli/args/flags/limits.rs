//! The flags for what a task may use.

use clap::Args;
use cube::{Config, Error};

use crate::cli::args::{
    flags::{given, parsed, set},
    number::number,
};

/// Limits of memory, processors and disks.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Memory limit, for example 512m or 2g
    #[arg(short, long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// CPU limit, for example 0.5 or 2
    #[arg(long, visible_alias = "cpu", value_name = "NUMBER", allow_hyphen_values = true)]
    pub cpus: Option<String>,
    /// Limit of the task's writable layer, for example 1g
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub disk: Option<String>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub shm_size: Option<String>,
    /// Limit of memory and swap together; -1 for unlimited swap
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory_swap: Option<String>,
    /// Soft memory limit, for when memory is short
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory_reservation: Option<String>,
    /// How eagerly the task's memory is swapped out, 0 to 100
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub memory_swappiness: Option<i64>,
    /// Limit of kernel memory; for engines before API 1.42
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub kernel_memory: Option<String>,
    /// Do not let the kernel kill the task when memory runs out
    #[arg(long)]
    pub oom_kill_disable: bool,
    /// How likely the kernel kills the task when memory runs out, -1000 to 1000
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub oom_score_adj: Option<i64>,
    /// Limit of processes and threads; -1 for unlimited
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub pids_limit: Option<i64>,
    /// Weight when CPU time is short [default: 1024]
    #[arg(short = 'c', long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub cpu_shares: Option<i64>,
    /// Period for --cpu-quota, in microseconds
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub cpu_period: Option<i64>,
    /// CPU time in each period, in microseconds
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub cpu_quota: Option<i64>,
    /// Period for --cpu-rt-runtime, in microseconds
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub cpu_rt_period: Option<i64>,
    /// Real-time CPU time in each period, in microseconds
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<i64>)]
    pub cpu_rt_runtime: Option<i64>,
    /// CPUs that the task may use, for example 0-2,4
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that the task may use, for example 0,1
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub cpuset_mems: Option<String>,
    /// Weight of the task's disk access, 10 to 1000; 0 for none
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<u16>)]
    pub blkio_weight: Option<u16>,
    /// Weight of the access to one device: /dev/NAME:WEIGHT
    #[arg(long, value_name = "DEVICE:N", allow_hyphen_values = true)]
    pub blkio_weight_device: Vec<String>,
    /// Limit of reads from a device, in bytes per second
    #[arg(long, value_name = "DEVICE:SIZE", allow_hyphen_values = true)]
    pub device_read_bps: Vec<String>,
    /// Limit of writes to a device, in bytes per second
    #[arg(long, value_name = "DEVICE:SIZE", allow_hyphen_values = true)]
    pub device_write_bps: Vec<String>,
    /// Limit of reads from a device, in operations per second
    #[arg(long, value_name = "DEVICE:N", allow_hyphen_values = true)]
    pub device_read_iops: Vec<String>,
    /// Limit of writes to a device, in operations per second
    #[arg(long, value_name = "DEVICE:N", allow_hyphen_values = true)]
    pub device_write_iops: Vec<String>,
    /// Resource limit of the task's processes: NAME=SOFT[:HARD], for example nofile=1024:2048
    #[arg(long, value_name = "NAME=SOFT[:HARD]", allow_hyphen_values = true)]
    pub ulimit: Vec<String>,
}

impl LimitArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        let limits = &mut config.limits;
        set(&mut limits.memory, self.memory.as_deref().map(str::parse).transpose()?);
        set(&mut limits.cpus, self.cpus.as_deref().map(str::parse).transpose()?);
        set(&mut limits.disk, self.disk.as_deref().map(str::parse).transpose()?);
        set(&mut limits.shm_size, self.shm_size.as_deref().map(str::parse).transpose()?);
        set(&mut limits.memory_swap, self.memory_swap.as_deref().map(str::parse).transpose()?);
        set(&mut limits.memory_reservation, self.memory_reservation.as_deref().map(str::parse).transpose()?);
        set(&mut limits.memory_swappiness, self.memory_swappiness);
        set(&mut limits.kernel_memory, self.kernel_memory.as_deref().map(str::parse).transpose()?);
        limits.oom_kill_disable |= self.oom_kill_disable;
        set(&mut limits.oom_score_adj, self.oom_score_adj);
        set(&mut limits.pids_limit, self.pids_limit);
        limits.ulimit.extend(parsed(&self.ulimit)?);
        self.apply_processors(config);
        self.apply_disks(config)
    }

    fn apply_processors(&self, config: &mut Config) {
        let limits = &mut config.limits;
        set(&mut limits.cpu_shares, self.cpu_shares);
        set(&mut limits.cpu_period, self.cpu_period);
        set(&mut limits.cpu_quota, self.cpu_quota);
        set(&mut limits.cpu_rt_period, self.cpu_rt_period);
        set(&mut limits.cpu_rt_runtime, self.cpu_rt_runtime);
        set(&mut limits.cpuset_cpus, given(self.cpuset_cpus.as_ref()));
        set(&mut limits.cpuset_mems, given(self.cpuset_mems.as_ref()));
    }

    fn apply_disks(&self, config: &mut Config) -> Result<(), Error> {
        let limits = &mut config.limits;
        set(&mut limits.blkio_weight, self.blkio_weight);
        limits.blkio_weight_device.extend(parsed(&self.blkio_weight_device)?);
        limits.device_read_bps.extend(parsed(&self.device_read_bps)?);
        limits.device_write_bps.extend(parsed(&self.device_write_bps)?);
        limits.device_read_iops.extend(parsed(&self.device_read_iops)?);
        limits.device_write_iops.extend(parsed(&self.device_write_iops)?);
        Ok(())
    }
}
