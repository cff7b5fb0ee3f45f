//! `search.json`: what the search and the finder of the home know of each project.
//!
//! Small enough to be loaded whole up to 2,000 projects; beyond, shards that each hold the
//! names with one prefix, so that a change touches one of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use serde::Serialize;

use super::files_json::{Torches, push_fit, push_value};
use super::gists::Gists;
use super::needs::Needs;
use super::people::{newest_upload, status, summary};
use super::{cut, name_by};
use crate::cuda::{Architecture, ComputeCapability, CudaVersion, TorchVersion};
use crate::index::{Channel, Index, IndexFile, Project};
use crate::markup;
use crate::wheel::WheelFilename;

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

/// A project, of which all but the summary has been written.
pub(super) struct Row {
    name: String,
    /// JSON, up to the summary.
    head: Vec<u8>,
    summary: Option<String>,
    /// JSON, behind the summary, without the set.
    tail: Vec<u8>,
    profiles: BTreeSet<String>,
}

impl Row {
    pub(super) fn of(project: &Project) -> Self {
        let name = project.name.to_string();
        let mut head = Vec::new();
        markup::push_json(&mut head, &name);
        head.push(b',');
        let speaks = project.representative();
        let display = name_by(project, speaks);
        push_text(&mut head, (display != name).then_some(display));
        let mut tail = Vec::new();
        let latest = speaks.map(|file| file.dist().version().to_string());
        push_text(&mut tail, latest.as_deref());
        tail.push(b',');
        push_text(&mut tail, newest_upload(project.offered().iter()).as_deref());
        tail.push(b',');
        markup::push_number(&mut tail, project.offered().len() as u64);
        tail.push(b',');
        push_text(&mut tail, status(project));
        let offered = project.offered().iter().filter(|file| file.yanked.is_none());
        // Files that were not opened tell no more than their names do, and many tell the same.
        let (mut told, mut torches) = (Told::default(), Torches::default());
        let profiles = offered.filter_map(|file| {
            let wheel = file.dist().wheel()?;
            let is_new = file.facts.is_some() || told.is_new(file, wheel);
            is_new.then(|| profile(file, torches.of(file)).ok()).flatten()
        });
        let profiles = profiles.collect();
        Self { head, summary: summary(project, speaks).map(str::to_owned), tail, profiles, name }
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

/// What files tell that were not opened, each once.
#[derive(Default)]
struct Told<'a> {
    /// What names say, channel, and `Requires-Python`.
    known: HashMap<(&'a str, Option<&'a Channel>, Option<&'a str>), usize>,
    in_order: Vec<(&'a str, Option<&'a Channel>, Option<&'a str>)>,
    next: usize,
}

impl<'a> Told<'a> {
    fn is_new(&mut self, file: &'a IndexFile, wheel: &'a WheelFilename) -> bool {
        let requires_python = file.requires_python();
        // Releases mostly have the same files, in the same order. There is one `+` in a name.
        if let Some((name, channel, python)) = self.in_order.get(self.next)
            && name.starts_with('+')
            && wheel.as_str().ends_with(name)
            && (*channel, *python) == (file.channel.as_ref(), requires_python)
        {
            self.next = (self.next + 1) % self.in_order.len();
            return false;
        }
        let tells = (behind_release(wheel), file.channel.as_ref(), requires_python);
        if self.in_order.get(self.next) != Some(&tells) {
            let count = self.in_order.len();
            self.next = *self.known.entry(tells).or_insert(count);
            if self.next == count {
                self.in_order.push(tells);
                self.next = 0;
                return true;
            }
        }
        self.next = (self.next + 1) % self.in_order.len();
        false
    }
}

/// What a filename says behind the release: the local part of its version, and tags.
fn behind_release(wheel: &WheelFilename) -> &str {
    let name = wheel.as_str();
    let tags = name.len()
        - ".whl".len()
        - wheel.platform().len()
        - wheel.abi().len()
        - wheel.python().len()
        - 2;
    let local = wheel.version_text().find('+').map(|at| wheel.name_text().len() + 1 + at);
    name.get(local.unwrap_or(tags)..).unwrap_or(name)
}

/// What a file needs, in JSON: an entry of `files.json` without what tells files apart. Many files
/// have the same.
fn profile(file: &IndexFile, torch: Option<TorchVersion>) -> serde_json::Result<String> {
    let needs = Needs::of(file);
    let mut out = Vec::with_capacity(200);
    push_fit(&mut out, file, torch)?;
    if let Some(glibc) = &needs.glibc {
        push_value(&mut out, "glibc", glibc)?;
    }
    if let Some(cuda) = &needs.cuda {
        let cuda = Cuda {
            toolkit: cuda.toolkit,
            driver: cuda.driver,
            compute_capabilities: &cuda.compute_capabilities,
            architectures: &cuda.architectures,
        };
        push_value(&mut out, "cuda", &cuda)?;
    }
    if let Some(torch_use) = &needs.torch_use {
        push_value(&mut out, "torch_use", torch_use)?;
    }
    // A comma stands before the first member, too; a wheel has one.
    if let Some(first) = out.first_mut() {
        *first = b'{';
    }
    out.push(b'}');
    Ok(String::from_utf8(out).unwrap_or_default())
}

/// The files of the search, each with its path; `search.json` comes last, since it names the others.
pub fn pages(index: &Index, gists: &Gists) -> Vec<(String, Vec<u8>)> {
    let of_project = |project: &Project| gists.of(project).is_none().then(|| Row::of(project));
    let here: Vec<Option<Row>> = index.projects.par_iter().map(of_project).collect();
    let gone = |project: &Project| gists.of(project).map(|gist| &gist.row);
    let rows = index.projects.iter().zip(&here);
    let rows = rows.filter_map(|(project, here)| here.as_ref().or_else(|| gone(project)));
    let rows: Vec<&Row> = rows.collect();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::files_json::Torches;
    use crate::render::samples::{self, Fit};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn a_profile_is_what_serde_would_write(numbers in prop::collection::vec(any::<u32>(), 10)) {
            let settings = samples::settings("title: x\n");
            let (project, _) = samples::project(&settings, &numbers);
            let mut torches = Torches::default();
            for file in project.offered().iter().filter(|file| file.dist().wheel().is_some()) {
                let written = profile(file, torches.of(file)).expect("is written");
                prop_assert_eq!(written, serde_json::to_string(&Fit::of(file))?);
            }
        }

        #[test]
        fn what_files_tell_is_told_once(places in prop::collection::vec(0usize..10, 0..40)) {
            let settings = samples::settings("title: x\n");
            let (project, _) = samples::project(&settings, &[0]);
            let mut told = Told::default();
            let mut expected = std::collections::HashSet::new();
            for place in places {
                let file = &project.files[place];
                if let Some(wheel) = file.dist().wheel() {
                    let local = file.dist().version().local();
                    let tags = (local, wheel.python(), wheel.abi(), wheel.platform());
                    prop_assert_eq!(told.is_new(file, wheel), expected.insert(tags));
                }
            }
        }
    }
}
