//! `wheelsite theme`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Format, print, print_json};
use crate::config::ThemeChoice;
use crate::error::Result;
use crate::render::theme::{self, Problem};

/// Make a new theme for the pages for people, or test one
#[derive(Debug, Args)]
pub(super) struct ThemeArgs {
    #[command(subcommand)]
    command: ThemeCommand,
}

#[derive(Debug, Subcommand)]
enum ThemeCommand {
    /// Write the beginning of a theme into a new folder
    New {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Render every page of a theme and tell what is wrong
    Check {
        /// `default`, `plain`, or a folder with a theme
        #[arg(value_name = "DIR")]
        theme: String,
        /// How problems are printed
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
}

pub(super) fn run(args: &ThemeArgs) -> Result<ExitCode> {
    match &args.command {
        ThemeCommand::New { folder } => {
            let files = theme::create(folder)?;
            let shown = folder.display();
            print(&format!(
                "made {shown}: {}\ntry it with `wheelsite build --theme {shown}`, \
                 test it with `wheelsite theme check {shown}`\n",
                files.join(", ")
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        ThemeCommand::Check { theme, format } => {
            let problems = theme::check(&ThemeChoice::named(theme))?;
            show(&problems, *format)?;
            Ok(ExitCode::from(u8::from(!problems.is_empty())))
        }
    }
}

fn show(problems: &[Problem], format: Format) -> Result<()> {
    if format == Format::Json {
        return print_json(&BTreeMap::from([("problems", problems)]));
    }
    let mut text = String::new();
    for Problem { place, message } in problems {
        text.push_str(&format!("{place}: {message}\n"));
    }
    text.push_str(&match problems.len() {
        0 => "every page renders; nothing is wrong\n".to_owned(),
        1 => "1 problem\n".to_owned(),
        count => format!("{count} problems\n"),
    });
    print(&text)
}
