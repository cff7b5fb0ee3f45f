//! `search.json`: what the search and the finder of the home know of each project.
//!
//! Small enough to be loaded whole up to 2,000 projects; beyond, shards that each hold the
//! names with one prefix, so that a change touches one of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;

use super::files_json::Fit;
use super::needs::Needs;
use super::people::{newest_upload, status, summary};
use super::{cut, display_name, markup};
use crate::cuda::{Architecture, ComputeCapability, CudaVersion, TorchUse};
use crate::index::{Index, IndexFile, Project};

/// Grows when the format changes in a way that older readers would misread.
const SEARCH_FORMAT: u32 = 1;
/// Where the search begins.
pub const SEARCH: &str = "search.json";
/// More projects than this are kept in shards.
const SINGLE: usize = 2_000;
/// Bytes of a single file, which is loaded whole.
const SINGLE_SIZE: usize = 160_000;
/// Bytes of the rows of a shard.
const SHARD_SIZE: usize = 100_000;
/// Bytes of what rows say of machines that summaries make room for; what is left out is "not told".
const MACHINES_SIZE: usize = 30_000;
/// Letters of a summary, from what one would like to what a full file has room for.
const SUMMARIES: [usize; 6] = [80, 60, 45, 30, 20, 0];

/// What a profile keeps of the needs for CUDA.
#[derive(Serialize)]
struct Cuda<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    toolkit: Option<CudaVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<&'a str>,
    #[serde(skip_serializing_if = "<[ComputeCapability]>::is_empty")]
    compute_capabilities: &'a [ComputeCapability],
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    architectures: &'a BTreeSet<Architecture>,
}

/// An entry of `files.json` without what tells files apart: many files have the same.
#[derive(Serialize)]
struct Profile<'a> {
    #[serde(flatten)]
    fit: Fit<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glibc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cuda: Option<Cuda<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch_use: Option<&'a TorchUse>,
}

/// A project, of which all but the summary has been written.
struct Row {
    name: String,
    /// JSON, up to the summary.
    head: Vec<u8>,
    summary: Option<String>,
    /// JSON, behind the summary, without the set.
    tail: Vec<u8>,
    profiles: BTreeSet<String>,
}

impl Row {
    fn of(project: &Project) -> Self {
        let name = project.name.to_string();
        let mut head = Vec::new();
        markup::push_json(&mut head, &name);
        head.push(b',');
        let display = display_name(project);
        push_text(&mut head, (display != name).then_some(display));
        let mut tail = Vec::new();
        let latest = project.representative().map(|file| file.dist.version().to_string());
        push_text(&mut tail, latest.as_deref());
        tail.push(b',');
        push_text(&mut tail, newest_upload(project.offered().iter()).as_deref());
        tail.push(b',');
        markup::push_number(&mut tail, project.offered().len() as u64);
        tail.push(b',');
        push_text(&mut tail, status(project));
        let offered = project.offered().iter().filter(|file| file.yanked.is_none());
        // Files that were not opened tell no more than their names do, and many tell the same.
        let mut told = HashSet::new();
        let profiles = offered.filter_map(|file| {
            let wheel = file.dist.wheel()?;
            let by_name = (
                (wheel.python(), wheel.abi(), wheel.platform()),
                file.dist.version().local(),
                (file.channel.as_ref(), file.requires_python.as_deref()),
            );
            let is_new = file.facts.is_some() || told.insert(by_name);
            is_new.then(|| profile(file)).flatten()
        });
        let profiles = profiles.collect();
        Self { head, summary: summary(project).map(str::to_owned), tail, profiles, name }
    }

    fn size(&self, letters: usize) -> usize {
        let summary = self.summary.as_ref().map_or(1, |text| cut(text, letters).len() + 2);
        self.head.len() + summary + self.tail.len() + 8
    }

    fn write(&self, letters: usize, set: Option<usize>, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(&self.head);
        out.push(b',');
        let summary = self.summary.as_ref().map(|text| cut(text, letters));
        push_text(out, summary.as_deref().filter(|text| !text.is_empty()));
        out.push(b',');
        out.extend_from_slice(&self.tail);
        let set = set.map_or_else(|| "-1".to_owned(), |set| set.to_string());
        out.extend_from_slice(format!(",{set}]").as_bytes());
    }
}

/// A text, or 0 for none: rows are lists, in which something must stand.
fn push_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(b'0'),
        Some(text) => markup::push_json(out, text),
    }
}

/// What a file needs, in JSON.
fn profile(file: &IndexFile) -> Option<String> {
    let needs = Needs::of(file);
    let profile = Profile {
        fit: Fit::of(file),
        glibc: needs.glibc.as_deref(),
        cuda: needs.cuda.as_ref().map(|cuda| Cuda {
            toolkit: cuda.toolkit,
            driver: cuda.driver,
            compute_capabilities: &cuda.compute_capabilities,
            architectures: &cuda.architectures,
        }),
        torch_use: needs.torch_use.as_ref(),
    };
    serde_json::to_string(&profile).ok()
}

/// The files of the search, each with its path; `search.json` comes last, since it names the others.
pub fn pages(index: &Index) -> Vec<(String, Vec<u8>)> {
    let rows: Vec<Row> = index.projects.par_iter().map(Row::of).collect();
    let rows: Vec<&Row> = rows.iter().collect();
    let all = Machines::of(&rows, SINGLE_SIZE);
    let room = |letters: &usize| {
        let size: usize = rows.iter().map(|row| row.size(*letters)).sum();
        SINGLE_SIZE.checked_sub(size).filter(|room| *room >= all.size().min(MACHINES_SIZE))
    };
    let fitting = SUMMARIES.into_iter().find_map(|letters| Some((letters, room(&letters)?)));
    if let Some((letters, room)) = fitting.filter(|_| rows.len() <= SINGLE) {
        return vec![(SEARCH.to_owned(), whole(&rows, letters, room))];
    }
    let mut shards = Vec::new();
    split(&rows, "", &mut shards);
    let mut pages: Vec<(String, Vec<u8>)> = shards
        .par_iter()
        .map(|(prefix, rows)| {
            (format!("search/{prefix}.json"), whole(rows, SUMMARIES[1], MACHINES_SIZE))
        })
        .collect();
    let mut out = format!("{{\"search_format\":{SEARCH_FORMAT},\"projects\":{}", rows.len());
    for (position, ((path, _), (_, rows))) in pages.iter().zip(&shards).enumerate() {
        let [first, last] =
            [rows.first(), rows.last()].map(|row| row.map_or("", |row| row.name.as_str()));
        out.push_str(if position == 0 { ",\"shards\":[" } else { "," });
        // Paths and names are made of letters, digits and dashes.
        out.push_str(&format!(
            "\n{{\"path\":\"{path}\",\"first\":\"{first}\",\"last\":\"{last}\",\"projects\":{}}}",
            rows.len()
        ));
    }
    out.push_str("]}\n");
    pages.push((SEARCH.to_owned(), out.into_bytes()));
    pages
}

/// Splits rows, which are in the order of their names, by the letters behind a common prefix.
fn split<'r>(rows: &[&'r Row], prefix: &str, shards: &mut Vec<(String, Vec<&'r Row>)>) {
    let size: usize = rows.iter().map(|row| row.size(SUMMARIES[1])).sum();
    let is_small = size <= SHARD_SIZE || rows.len() == 1;
    if is_small && !prefix.is_empty() {
        shards.push((prefix.to_owned(), rows.to_vec()));
        return;
    }
    let next = |row: &&Row| row.name.as_bytes().get(prefix.len()).copied();
    for group in rows.chunk_by(|one, other| next(one) == next(other)) {
        match next(&group[0]) {
            // The name that is the prefix itself.
            None => shards.push((prefix.to_owned(), group.to_vec())),
            Some(letter) => split(group, &format!("{prefix}{}", char::from(letter)), shards),
        }
    }
}

/// Rows with the profiles and sets that they refer to, for which there are so many bytes.
fn whole(rows: &[&Row], letters: usize, room: usize) -> Vec<u8> {
    let machines = Machines::of(rows, room);
    let head = format!("{{\"search_format\":{SEARCH_FORMAT},\"projects\":{}", rows.len());
    let mut out = head.into_bytes();
    out.extend_from_slice(b",\"rows\":[");
    for (position, row) in rows.iter().enumerate() {
        out.extend_from_slice(if position == 0 { b"\n" } else { b",\n" });
        row.write(letters, machines.set_of(row), &mut out);
    }
    out.extend_from_slice(b"],\"profiles\":[");
    out.extend_from_slice(machines.profiles.join(",\n").as_bytes());
    out.extend_from_slice(b"],\"sets\":[");
    let list = |set: &&Vec<usize>| {
        let numbers: Vec<String> = set.iter().map(ToString::to_string).collect();
        format!("[{}]", numbers.join(","))
    };
    let sets: Vec<String> = machines.sets.iter().map(|set| list(&set)).collect();
    out.extend_from_slice(sets.join(",\n").as_bytes());
    out.extend_from_slice(b"]}\n");
    out
}

/// Which machines projects are for: profiles of files, and sets of them, each once.
struct Machines<'r> {
    profiles: Vec<&'r str>,
    sets: Vec<Vec<usize>>,
    places: HashMap<&'r BTreeSet<String>, usize>,
}

impl<'r> Machines<'r> {
    /// Those that most projects share, as far as there is room, in bytes.
    fn of(rows: &[&'r Row], mut room: usize) -> Self {
        let mut counted: BTreeMap<&BTreeSet<String>, usize> = BTreeMap::new();
        for row in rows {
            *counted.entry(&row.profiles).or_default() += 1;
        }
        let mut by_count: Vec<_> = counted.into_iter().collect();
        by_count.sort_by(|one, other| (other.1, one.0).cmp(&(one.1, other.0)));
        let mut machines = Self { profiles: Vec::new(), sets: Vec::new(), places: HashMap::new() };
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (set, _) in by_count {
            let new = set.iter().filter(|profile| !known.contains_key(profile.as_str()));
            let size: usize =
                new.map(|profile| profile.len() + 2).sum::<usize>() + 5 * set.len() + 4;
            let Some(rest) = room.checked_sub(size) else { continue };
            room = rest;
            let numbers = set.iter().map(|profile| {
                *known.entry(profile).or_insert_with(|| {
                    machines.profiles.push(profile);
                    machines.profiles.len() - 1
                })
            });
            let numbers = numbers.collect();
            machines.places.insert(set, machines.sets.len());
            machines.sets.push(numbers);
        }
        machines
    }

    fn set_of(&self, row: &Row) -> Option<usize> {
        self.places.get(&row.profiles).copied()
    }

    fn size(&self) -> usize {
        let profiles: usize = self.profiles.iter().map(|profile| profile.len() + 2).sum();
        let numbers: usize = self.sets.iter().map(|set| 5 * set.len() + 4).sum();
        profiles + numbers
    }
}
