//! Every command in the documentation is run, or is marked as one that cannot be.
//!
//! A block of commands is fenced as ```` ```console ````. Behind that word stands nothing (its commands
//! are run, by [`world`]), `elsewhere` (it needs a network or a machine that tests have not), or `ci`
//! (it is what CI and people run, and nothing that a test could). Whatever stands there, commands and
//! flags of wheelsite exist.

mod links;
mod world;

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Run, Workspace, repository};

/// Some commands that belong together.
struct Block {
    /// `docs/sources.md:12`
    place: String,
    /// Behind `console`.
    kind: String,
    commands: Vec<String>,
}

/// The documents of the project.
fn documents() -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(repository("")).sort_by_file_name().into_iter();
    // What lies below `tests` and `src` is of made-up projects.
    let passed_over = ["target", ".git", "site", "src", "tests"];
    let files = files.filter_entry(|entry| {
        entry.depth() != 1 || passed_over.iter().all(|name| *name != entry.file_name())
    });
    let files = files.map(|entry| entry.expect("lists").into_path());
    files.filter(|path| path.extension().is_some_and(|it| it == "md")).collect()
}

fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("reads");
        let shown = path.strip_prefix(repository("")).expect("lies below").display().to_string();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let Some(info) = line.trim_start().strip_prefix("```").filter(|it| !it.is_empty())
            else {
                continue;
            };
            let block: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line.trim())
                .take_while(|line| *line != "```")
                .collect();
            let (language, kind) = info.split_once(' ').unwrap_or((info, ""));
            if ["console", "sh", "bash", "shell"].contains(&language) {
                let place = format!("{shown}:{}", number + 1);
                assert_eq!(language, "console", "{place}: commands are fenced as console");
                found.push(Block { place, kind: kind.to_owned(), commands: commands(&block) });
            }
        }
    }
    found
}

/// What stands behind `$ `, with the lines that a backslash joins; everything else is output.
fn commands(lines: &[&str]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let text = match (goes_on, line.strip_prefix("$ ")) {
            (true, _) => line,
            (false, Some(command)) => {
                commands.push(String::new());
                command
            }
            (false, None) => continue,
        };
        goes_on = text.ends_with('\\');
        if let Some(command) = commands.last_mut() {
            command.push_str(text.trim_end_matches('\\'));
        }
    }
    commands
}

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let blocks = blocks();
    assert!(blocks.len() > 20, "{} blocks", blocks.len());
    for block in &blocks {
        let known = ["", "elsewhere", "ci"].contains(&&*block.kind);
        assert!(known, "{}: `{}` is nothing that a block can be", block.place, block.kind);
        assert!(!block.commands.is_empty(), "{}: no line begins with `$ `", block.place);
    }
    let run = blocks.iter().filter(|block| block.kind.is_empty()).count();
    assert!(run > 8, "{run} blocks are run");
}

#[test]
fn every_command_that_is_to_be_run_works() {
    let Some(world) = world::World::new() else { return };
    for block in blocks().iter().filter(|block| block.kind.is_empty()) {
        world.run(block);
    }
}

/// The words of a command up to its comment, or what follows it.
fn words(command: &str) -> Vec<&str> {
    command
        .split_whitespace()
        .take_while(|word| !["#", "&&", "|", ">", ";"].contains(word))
        .collect()
}

#[test]
fn what_is_not_run_has_commands_and_flags_that_there_are() {
    let workspace = Workspace::new();
    for block in blocks() {
        for command in &block.commands {
            let words = words(command);
            let Some((&program, rest)) = words.split_first() else { continue };
            let programs = ["wheelsite", "wheelsite-builder"];
            let path = world::program(program);
            if !programs.contains(&program) || !path.is_file() {
                continue;
            }
            // A subcommand of a subcommand, as `theme new`, has a help of its own.
            let of: Vec<&str> = match rest {
                ["theme", which, ..] => vec!["theme", which],
                [which, ..] => vec![which],
                [] => continue,
            };
            let mut help = Command::new(path);
            workspace.confine(help.args(of.iter().chain(&["--help"])));
            let help = Run::of(&mut help);
            assert_eq!(help.code, Some(0), "{}: {command}: {}", block.place, help.stderr);
            for flag in rest.iter().filter(|word| word.starts_with("--")) {
                let name = flag.split('=').next().expect("is never empty");
                let there = help.stdout.split(|it: char| !(it.is_alphanumeric() || it == '-'));
                let there = there.into_iter().any(|word| word == name);
                assert!(there, "{}: `{name}` is no flag of {of:?}", block.place);
            }
        }
    }
}

#[track_caller]
fn succeeds(run: &Run, what: &str) {
    assert_eq!(run.code, Some(0), "{what}\n{}\n{}", run.stdout, run.stderr);
}
