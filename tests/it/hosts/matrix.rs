//! The table of clients and hosts in `docs/hosting.md`: each test compares its row, and writes it
//! with `WHEELSITE_BLESS=1`.

use std::sync::{Mutex, PoisonError};

use crate::support::repository;

const PAGE: &str = "docs/hosting.md";
/// What stands above the table.
const MARK: &str = "cargo test --test it hosts -->\n\n";

/// What clients are called above the table, with the versions that tests install.
fn head() -> String {
    let pins = ["tests/requirements.txt", "tests/managers-requirements.txt"];
    let pins = pins.map(|path| std::fs::read_to_string(repository(path)).expect("reads")).concat();
    let version = |name: &str| {
        let pin = pins.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
        pin.expect("is pinned").to_owned()
    };
    let clients = [("pip", "pip"), ("uv", "uv"), ("Poetry", "poetry"), ("PDM", "pdm")];
    let clients = clients.map(|(shown, name)| format!("{shown} {}", version(name)));
    row("host", &[&clients[..], &["browser".to_owned(), "no such project".to_owned()]].concat())
}

fn row(host: &str, cells: &[String]) -> String {
    format!("| {host} | {} |", cells.join(" | "))
}

/// Expects that a row stands in the table.
#[track_caller]
pub(super) fn compare(host: &str, cells: &[String]) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = std::fs::read_to_string(repository(PAGE)).expect("reads");
    let wanted = [("host", head()), (host, row(host, cells))];
    let line_of = |line: &str| {
        let found = wanted.iter().find(|(host, _)| line.starts_with(&format!("| {host} |")));
        found.map_or_else(|| line.to_owned(), |(_, row)| row.clone())
    };
    let start = text.find(MARK).expect("marks the table") + MARK.len();
    let end = start + text[start..].find("\n\n").expect("ends the table");
    let table: Vec<String> = text[start..end].split('\n').map(line_of).collect();
    assert!(table.contains(&wanted[1].1), "`{PAGE}` has no row for `{host}`");
    let fresh = format!("{}{}{}", &text[..start], table.join("\n"), &text[end..]);
    if std::env::var_os("WHEELSITE_BLESS").is_some() {
        std::fs::write(repository(PAGE), &fresh).expect("writes");
        return;
    }
    let row = &wanted[1].1;
    assert!(fresh == text, "`{PAGE}` is stale, expected `{row}`; WHEELSITE_BLESS=1 writes it");
}
