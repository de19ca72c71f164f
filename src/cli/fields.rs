//! The options of `generate` that take the value of a request's field as it is: they follow from the table of fields.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, FromArgMatches};

use crate::content::request::{CommandLineOption, Field, Patch, Request};

/// The fields that are given on the command line.
pub(super) struct FieldArgs(pub(super) Patch);

/// The fields with an option, and that.
fn options() -> impl Iterator<Item = (Field, CommandLineOption)> {
    Field::ALL.iter().filter_map(|field| Some((*field, field.option()?)))
}

impl clap::Args for FieldArgs {
    fn augment_args(command: Command) -> Command {
        options().fold(command, |command, (field, option)| {
            let parse = move |text: &str| field.parse(text, &mut Request::default()).map(|()| text.to_owned());
            let arg = Arg::new(option.name).long(option.name).value_name(option.value_name).help(option.help);
            command.arg(arg.value_parser(parse).allow_negative_numbers(option.value_name == "X"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FieldArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut fields = Self(Patch::default());
        fields.update_from_arg_matches(matches)?;
        Ok(fields)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (field, option) in options() {
            if let Some(text) = matches.get_one::<String>(option.name) {
                let read = field.parse(text, &mut self.0.request);
                read.map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, error))?;
                self.0.has.insert(field);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, error::ErrorKind};

    use super::*;

    fn given(arguments: &[&str]) -> Result<Patch, clap::Error> {
        let command = FieldArgs::augment_args(Command::new("generate"));
        let matches = command.try_get_matches_from([&["generate"], arguments].concat())?;
        Ok(FieldArgs::from_arg_matches(&matches)?.0)
    }

    #[test]
    fn options_are_named_after_the_fields_and_give_their_values() {
        let arguments =
            ["--prompt", "a fox", "--steps", "7", "--guidance-scale", "-1", "--seed", "18446744073709551615"];
        let patch = given(&arguments).expect("arguments");
        let request = &patch.request;
        assert_eq!((request.prompts.prompt.as_str(), request.sampling.steps), ("a fox", 7));
        assert_eq!((request.guidance.scale, request.seeds.first), (-1.0, u64::MAX));
        assert!(patch.has.contains(Field::Prompt) && !patch.has.contains(Field::Count));
    }

    #[test]
    fn what_is_no_value_is_wrong_usage() {
        for arguments in [["--steps", "many"], ["--seed", "1.5"], ["--guidance-rescale", "x"]] {
            assert_eq!(given(&arguments).expect_err("no value").kind(), ErrorKind::ValueValidation);
        }
    }
}
