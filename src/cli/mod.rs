//! The command line: one file a command, each thin. What a command does stands in the domain that it concerns.
//!
//! A command returns an [`Outcome`], which is shown as text or, with `--json`, as JSON, or a [`Failure`] with its exit code:
//! 0 done, 1 failed, 2 usage, 3 unreachable.

mod admin;
mod control;
mod data;
mod export_env;
mod health;
mod migrate;
mod outcome;
mod password;
mod serve;
mod show_config;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Loaded};
use outcome::{Exit, Failure, Outcome};

const EXAMPLES: &str = "\
Examples:
  scaiwave                                       start the server
  SCAIWAVE_BIND=0.0.0.0:8000 scaiwave serve      start it for other machines too
  scaiwave health && echo ready                  ask a running server how it is
  scaiwave show-config                           see every setting as it applies

Settings come from the environment; `scaiwave show-config --reference` describes them all.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 server unreachable.";

/// Self-hosted, federated collaboration server.
#[derive(Debug, Parser)]
#[command(name = "scaiwave", version, about, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    /// Print the result as one JSON value.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server. This is what happens without a command.
    Serve,
    /// Ask a running server how it is.
    Health(health::Arguments),
    /// Show every setting as it applies, secrets masked.
    ShowConfig(show_config::Arguments),
    /// Show the settings that are set as lines for an environment file, without secrets.
    ExportEnv,
    /// Bring the database to the schema of this version, as a start does.
    Migrate,
    /// Manage what is on this server.
    #[command(subcommand)]
    Admin(admin::Command),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" with exit code 0; nothing to do if the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match dispatch(cli.command.unwrap_or(Command::Serve)) {
        Ok(outcome) => outcome.show(cli.json),
        Err(failure) => failure.show(cli.json),
    }
}

fn dispatch(command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Serve => blocking(serve::run(settings()?)),
        Command::Health(arguments) => blocking(health::run(arguments)),
        Command::ShowConfig(arguments) => show_config::run(&arguments),
        Command::ExportEnv => export_env::run(),
        Command::Migrate => blocking(migrate::run(settings()?)),
        Command::Admin(command) => blocking(admin::run(command)),
    }
}

/// The settings of this process.
fn settings() -> Result<Loaded, Failure> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // What is not UTF-8 cannot be a setting; its name may still be ours, and then the value is wrong.
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    Config::load(variables).map_err(Failure::failed)
}

/// Runs an asynchronous command to its end.
fn blocking(command: impl Future<Output = Result<Outcome, Failure>>) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::because("cannot start threads", &error))?;
    let result = runtime.block_on(command);
    // Whatever still runs has had its chance to end; a stuck thread must not keep the process alive.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// Commands and arguments without a word about what they are for.
    fn unexplained(command: &clap::Command) -> Vec<String> {
        let name = command.get_name();
        let silent = command.get_about().is_none().then(|| name.to_owned());
        let arguments = command
            .get_arguments()
            .filter(|argument| argument.get_help().is_none())
            .map(|argument| format!("{name} {}", argument.get_id()));
        let below = command.get_subcommands().flat_map(unexplained);
        silent.into_iter().chain(arguments).chain(below).collect()
    }

    #[test]
    fn every_command_and_argument_says_what_it_is_for() {
        assert_eq!(unexplained(&Cli::command()), Vec::<String>::new());
    }

    #[test]
    fn json_can_be_asked_for_anywhere() {
        for line in [
            ["scaiwave", "--json", "show-config"],
            ["scaiwave", "show-config", "--json"],
        ] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }

    #[test]
    fn without_a_command_the_server_starts() {
        assert!(Cli::try_parse_from(["scaiwave"]).unwrap().command.is_none());
    }
}
