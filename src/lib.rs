#![doc = include_str!("../docs/architecture.md")]

pub mod cache;
pub mod cli;
pub mod config;
pub mod cuda;
pub mod doctor;
pub mod error;
pub mod facts;
pub mod facts_file;
mod from_text;
pub mod host;
pub mod index;
pub mod init;
pub mod inspect;
mod markup;
pub mod net;
pub mod pipeline;
pub mod publish;
pub mod render;
pub mod repair;
pub mod report;
pub mod serve;
pub mod source;
pub mod state;
pub mod verify;
pub mod wheel;
