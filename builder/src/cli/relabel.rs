//! `wheelsite-builder relabel`

use std::path::PathBuf;

use anstream::println;
use clap::Args;
use serde_json::json;
use wheelsite::verify::Policy;

use super::build::Output;
use crate::build::relabel;
use crate::error::{Error, Result};

/// Give a wheel a local version, as in `+cu129`: filename, METADATA, RECORD and folders agree
#[derive(Debug, Args)]
pub(super) struct RelabelArgs {
    /// The wheel, which stays as it is
    #[arg(value_name = "WHEEL")]
    wheel: PathBuf,
    /// The local version, without `+`
    #[arg(value_name = "LOCAL")]
    local: String,
    /// Requirement that METADATA gets where it lacks it, as in `torch==2.9.*`; may be repeated
    #[arg(long, value_name = "REQUIREMENT")]
    requires: Vec<String>,
    /// Folder for the new wheel [default: the wheel's own]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Output,
}

pub(super) fn run(args: &RelabelArgs) -> Result<()> {
    let local = args.local.strip_prefix('+').unwrap_or(&args.local);
    if local.is_empty() {
        return Err(Error::config("the local version is empty", "name one, as in `cu129`"));
    }
    let folder = args.output.clone().unwrap_or_else(|| {
        let parent = args.wheel.parent().filter(|it| !it.as_os_str().is_empty());
        parent.map_or_else(|| PathBuf::from("."), std::path::Path::to_owned)
    });
    let labeled = relabel(&args.wheel, local, &args.requires, &folder, &Policy::default())?;
    match args.format {
        Output::Human => println!("{}", labeled.path.display()),
        Output::Json => println!(
            "{}",
            json!({
                "wheel": labeled.path,
                "filename": labeled.filename.as_str(),
                "sha256": labeled.sha256.to_string(),
                "size": labeled.size,
                "findings": labeled.findings,
            })
        ),
    }
    Ok(())
}
