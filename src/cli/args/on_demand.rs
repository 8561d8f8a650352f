//! The groups of flags of `run` and `with` that are defined only if a line has a flag that is not found without them:
//! each flag that is defined costs start-up time. A flag that a variable can replace must not be among them.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::cli::args::flags::{
    files::FileArgs, health::HealthArgs, limits::LimitArgs, names::NamesArgs, network::NetworkArgs,
    ready::ReadyArgs, record::RecordArgs, security::SecurityArgs, storage::StorageArgs,
};

/// Adds the definitions of a group of flags.
pub type Define = fn(Command) -> Command;

/// These groups, the more common ones first.
pub const GROUPS: [Define; 9] = [
    NetworkArgs::augment_args,
    StorageArgs::augment_args,
    ReadyArgs::augment_args,
    FileArgs::augment_args,
    RecordArgs::augment_args,
    NamesArgs::augment_args,
    LimitArgs::augment_args,
    HealthArgs::augment_args,
    SecurityArgs::augment_args,
];

/// What a line says of such a group: its defaults, if it has none of its flags.
#[derive(Debug, Default)]
pub struct OnDemand<T>(T);

impl<T> Deref for OnDemand<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args + Default> FromArgMatches for OnDemand<T> {
    fn from_arg_matches(found: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut found.clone())
    }

    fn from_arg_matches_mut(found: &mut ArgMatches) -> Result<Self, clap::Error> {
        // clap knows a group as given if one of its flags is; a group that is not defined gives an error here.
        let is_given =
            T::group_id().is_some_and(|group| found.try_contains_id(group.as_str()).unwrap_or(false));
        if is_given { T::from_arg_matches_mut(found).map(Self) } else { Ok(Self::default()) }
    }

    fn update_from_arg_matches(&mut self, found: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(found).map(|read| *self = read)
    }
}

/// It defines nothing itself: [`GROUPS`] are added where they are wanted.
impl<T: Args + Default> Args for OnDemand<T> {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Its flags are found by its id, and without them it reads as its defaults.
    fn check<T: Args + Default + Debug>() -> usize {
        let group = T::group_id().unwrap();
        let mut command = T::augment_args(Command::new("run").disable_help_flag(true));
        command.build();
        let of_group: Vec<_> = command.get_groups().filter(|found| *found.get_id() == group).collect();
        let members: Vec<_> = of_group.iter().flat_map(|group| group.get_args()).collect();
        for flag in command.get_arguments() {
            assert!(members.contains(&flag.get_id()), "{group}: {flag} is not in the group");
            assert!(flag.get_env().is_none(), "{group}: a variable can replace {flag}");
        }
        let read = T::from_arg_matches_mut(&mut command.clone().get_matches_from(["run"])).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", T::default()));
        members.len()
    }

    #[test]
    fn a_group_that_is_not_defined_reads_as_one_whose_flags_are_not_given() {
        let flags = [
            check::<NetworkArgs>(),
            check::<StorageArgs>(),
            check::<ReadyArgs>(),
            check::<FileArgs>(),
            check::<RecordArgs>(),
            check::<NamesArgs>(),
            check::<LimitArgs>(),
            check::<HealthArgs>(),
            check::<SecurityArgs>(),
        ];
        let all = GROUPS.iter().fold(Command::new("run"), |command, define| define(command));
        assert_eq!(flags.iter().sum::<usize>(), all.get_arguments().count());
        assert_eq!(flags.len(), GROUPS.len());
    }
}
