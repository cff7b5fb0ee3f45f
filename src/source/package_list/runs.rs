//! Lines of a list that need not be parsed again.
//!
//! Lists mostly name the files of a project one behind the other. Of such a run of lines a build
//! remembers a digest, if nothing is to be said about the project; where the next build finds
//! the same bytes, wherever in the list, it knows what they say. The digest is seeded with a number
//! that is drawn on this machine: nobody can write lines that are taken for others.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use twox_hash::XxHash3_128;

use crate::wheel::ProjectName;

/// Bytes of the longest run that is remembered: as much is held in memory until its end is seen.
const MAX_BYTES: usize = 1024 * 1024;

/// Lines of one project, one behind the other, that were parsed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// How many artifacts they name.
    pub artifacts: usize,
    lines: u64,
    /// Tells its first line from others.
    first: u64,
    bytes: usize,
    digest: u128,
}

/// All lines of a project, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The project.
    pub project: ProjectName,
    /// How many files they name.
    pub files: usize,
    pub(super) lines: u64,
    first: u64,
    /// The lengths in bytes of its stretches, and their digests.
    parts: Vec<(usize, u128)>,
}

impl Run {
    /// The run of these stretches; none of those that are not remembered.
    pub fn new(project: ProjectName, stretches: &[Stretch]) -> Option<Self> {
        let bytes: usize = stretches.iter().map(|stretch| stretch.bytes).sum();
        (bytes <= MAX_BYTES).then_some(())?;
        Some(Self {
            project,
            files: stretches.iter().map(|stretch| stretch.artifacts).sum(),
            lines: stretches.iter().map(|stretch| stretch.lines).sum(),
            first: stretches.first()?.first,
            parts: stretches.iter().map(|stretch| (stretch.bytes, stretch.digest)).collect(),
        })
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(bytes, _)| bytes).sum()
    }

    /// The run as a line of text.
    pub fn push(&self, out: &mut String) {
        let Self { project, files, lines, first, parts } = self;
        out.push_str(&format!("{project} {files} {lines} {first:x}"));
        for (bytes, digest) in parts {
            out.push_str(&format!(" {bytes}:{digest:x}"));
        }
        out.push('\n');
    }

    /// The run of a line of text; none where it is not that of one.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let run = Self {
            project: words.next()?.parse().ok()?,
            files: words.next()?.parse().ok()?,
            lines: words.next()?.parse().ok()?,
            first: u64::from_str_radix(words.next()?, 16).ok()?,
            parts: words
                .map(|part| {
                    let (bytes, digest) = part.split_once(':')?;
                    Some((bytes.parse().ok()?, u128::from_str_radix(digest, 16).ok()?))
                })
                .collect::<Option<_>>()?,
        };
        let mut lengths = run.parts.iter().map(|(bytes, _)| *bytes);
        let bytes = lengths.try_fold(0_usize, usize::checked_add)?;
        (bytes > 0 && bytes <= MAX_BYTES && run.files > 0).then_some(run)
    }
}

/// The runs that are known.
#[derive(Debug)]
pub struct Runs {
    /// What digests are seeded with.
    pub seed: u64,
    by_first: HashMap<u64, Arc<Run>>,
}

/// A part of what is read of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// It is known what these lines say.
    Known(Arc<Run>),
    /// They are to be parsed.
    Unknown(Range<usize>),
}

/// Cuts a list into what is known and what is not, while it is read.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// The project of the line before.
    before: Option<ProjectName>,
}

impl Runs {
    /// These, whose digests have this seed.
    pub fn new(seed: u64, runs: impl IntoIterator<Item = Arc<Run>>) -> Self {
        Self { seed, by_first: runs.into_iter().map(|run| (run.first, run)).collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    /// They, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.by_first.values().map(|run| &**run)
    }

    /// None, with a seed that nobody knows.
    pub fn none() -> Self {
        Self::new(RandomState::new().hash_one(()), [])
    }

    /// The stretch of these whole lines.
    pub(super) fn stretch(&self, bytes: &[u8], artifacts: usize, lines: u64) -> Stretch {
        let (first, digest) = (self.first(bytes), self.digest(bytes));
        Stretch { artifacts, lines, first, bytes: bytes.len(), digest }
    }

    /// Whether there is a run at the beginning of these bytes.
    fn is_at(&self, bytes: &[u8], run: &Run) -> bool {
        let mut rest = bytes;
        let same = run.parts.iter().all(|(length, digest)| {
            let Some((part, behind)) = rest.split_at_checked(*length) else { return false };
            rest = behind;
            self.digest(part) == *digest
        });
        // The last line of a list may have no end, and then another may go on like it.
        same && (rest.is_empty() || bytes[..bytes.len() - rest.len()].ends_with(b"\n"))
    }

    fn digest(&self, bytes: &[u8]) -> u128 {
        XxHash3_128::oneshot_with_seed(self.seed, bytes)
    }

    fn first(&self, bytes: &[u8]) -> u64 {
        // Half of it is enough for what is looked at as a whole then.
        #[expect(clippy::cast_possible_truncation)]
        let half = self.digest(&bytes[..line(bytes)]) as u64;
        half
    }
}

/// The length of the first line, its end included.
fn line(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// Where the last line begins; none where there is no line.
fn last_line(bytes: &[u8]) -> Option<usize> {
    let (_, before) = bytes.split_last()?;
    Some(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1))
}

impl Cutter {
    /// Cuts whole lines, of which the last need not be at the end of the list; tells how many bytes were
    /// cut. The others are to come again, with more behind them.
    ///
    /// Lines beside a run of the same project make it unknown: it has more files than it had.
    pub(super) fn cut(
        &mut self,
        runs: &Runs,
        bytes: &[u8],
        is_end: bool,
        project_of: impl Fn(&[u8]) -> Option<ProjectName>,
    ) -> (Vec<Span>, usize) {
        let (mut spans, mut unknown, mut at) = (Vec::new(), 0..0, 0);
        let project_at = |at: usize| {
            let rest = &bytes[at..];
            match runs.by_first.get(&runs.first(rest)) {
                Some(run) => Some(run.project.clone()),
                None => project_of(&rest[..line(rest)]),
            }
        };
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end_of_line = at + line(rest);
            let Some(run) = runs.by_first.get(&runs.first(rest)) else {
                unknown.end = end_of_line;
                at = end_of_line;
                continue;
            };
            let length = run.bytes();
            if rest.len() <= length && !is_end {
                break;
            }
            let before = || match last_line(&bytes[unknown.clone()]) {
                None => self.before.clone(),
                Some(last) => project_at(unknown.start + last),
            };
            let behind = || (rest.len() > length).then(|| project_at(at + length)).flatten();
            let is_other = |project: Option<ProjectName>| project.as_ref() != Some(&run.project);
            if runs.is_at(rest, run) && is_other(before()) && is_other(behind()) {
                if !unknown.is_empty() {
                    spans.push(Span::Unknown(unknown));
                }
                spans.push(Span::Known(run.clone()));
                at += length;
                unknown = at..at;
                self.before = Some(run.project.clone());
            } else {
                unknown.end = end_of_line;
                at = end_of_line;
            }
        }
        if let Some(last) = last_line(&bytes[unknown.clone()]) {
            self.before = project_at(unknown.start + last);
            spans.push(Span::Unknown(unknown));
        }
        (spans, at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn project(line: &[u8]) -> Option<ProjectName> {
        let (name, _) = std::str::from_utf8(line).ok()?.split_once('-')?;
        name.parse().ok()
    }

    /// Lines such as `a-1`, each group of one project and apart from others of it.
    fn groups(lines: &[(u8, u8)]) -> Vec<(ProjectName, String)> {
        let group = |group: &[(u8, u8)]| {
            let text: String =
                group.iter().map(|(name, version)| format!("p{name}-{version}\n")).collect();
            (project(text.as_bytes()).expect("has a project"), text)
        };
        lines.chunk_by(|one, other| one.0 == other.0).map(group).collect()
    }

    /// The runs of the groups whose projects are in no other; of two stretches where they can be.
    fn known(groups: &[(ProjectName, String)]) -> Runs {
        let runs = Runs::none();
        let is_alone = |name| groups.iter().filter(|(other, _)| other == name).count() == 1;
        let run = |(name, text): &(ProjectName, String)| {
            let half = line(text.as_bytes());
            let parts = [&text.as_bytes()[..half], &text.as_bytes()[half..]];
            let stretches: Vec<Stretch> = parts
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(|part| runs.stretch(part, part.len() / 5, part.len() as u64 / 5))
                .collect();
            Run::new(name.clone(), &stretches).map(Arc::new)
        };
        let all: Vec<_> =
            groups.iter().filter(|(name, _)| is_alone(name)).filter_map(run).collect();
        Runs::new(runs.seed, all)
    }

    /// What a list is cut into that comes by so many bytes, and the lines that follow.
    fn cut(runs: &Runs, text: &str, batch: usize) -> Vec<(Option<ProjectName>, String)> {
        let (mut cutter, mut waiting, mut rest) = (Cutter::default(), Vec::new(), text.as_bytes());
        let mut all = Vec::new();
        loop {
            let more = rest.len().min(batch);
            let more = if more == 0 { 0 } else { more + line(&rest[more - 1..]) - 1 };
            let (now, later) = rest.split_at(more);
            waiting.extend_from_slice(now);
            rest = later;
            let (spans, read) = cutter.cut(runs, &waiting, now.is_empty(), project);
            let mut at = 0;
            for span in spans {
                let (name, range) = match span {
                    Span::Known(run) => (Some(run.project.clone()), at..at + run.bytes()),
                    Span::Unknown(range) => (None, range),
                };
                assert_eq!(range.start, at, "nothing is left out");
                at = range.end;
                all.push((name, String::from_utf8_lossy(&waiting[range]).into_owned()));
            }
            assert_eq!(at, read);
            waiting.drain(..read);
            if now.is_empty() {
                assert!(waiting.is_empty());
                return all;
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_known_and_alone_is_cut_out(
            before in proptest::collection::vec((0_u8..5, 0_u8..3), 0..12),
            after in proptest::collection::vec((0_u8..5, 0_u8..3), 0..12),
            batch in 1_usize..30,
        ) {
            let (before, after) = (groups(&before), groups(&after));
            let known_runs = known(&before);
            let is_known = |group: &(ProjectName, String)| {
                known_runs.iter().any(|run| run.project == group.0) && before.contains(group)
            };
            let text: String = after.iter().map(|(_, text)| &**text).collect();
            let found = cut(&known_runs, &text, batch);
            prop_assert_eq!(found.iter().map(|(_, text)| &**text).collect::<String>(), text);
            let found: Vec<_> = found
                .into_iter()
                .filter_map(|(name, text)| Some((name?, text)))
                .collect();
            let wanted: Vec<_> = after.into_iter().filter(is_known).collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn a_run_is_its_text(text in "([a-z]{1,3}-[0-9]\n){1,9}", files in 1_usize..99) {
            let runs = Runs::none();
            let run = Run::new(
                "a-b".parse().expect("is a name"),
                &[runs.stretch(text.as_bytes(), files, 3), runs.stretch(b"x\n", 1, 1)],
            );
            let run = run.expect("is a run");
            let mut text = String::new();
            run.push(&mut text);
            prop_assert_eq!(Run::read(text.trim_end()), Some(run));
        }

        #[test]
        fn never_panics(text in ".{0,40}", words in "[a-z] [0-9]{1,20} [0-9]{1,20}( [0-9a-f]{1,33}:?[0-9a-f]{0,9}){0,3}") {
            let _ = (Run::read(&text), Run::read(&words));
        }
    }

    #[test]
    fn a_last_line_without_an_end_is_not_the_beginning_of_another() {
        let runs = Runs::none();
        let name = project(b"p1-1").expect("has one");
        let run = Run::new(name, &[runs.stretch(b"p1-1\np1-2", 2, 2)]).expect("is one");
        let runs = Runs::new(runs.seed, [Arc::new(run)]);
        let cut = |text| Cutter::default().cut(&runs, text, true, project).0;
        assert!(matches!(cut(b"p1-1\np1-2")[..], [Span::Known(_)]));
        for text in [&b"p1-1\np1-20\n"[..], b"p1-1\np1-2\n", b"p1-1\np1-2\np2-1\n"] {
            assert_eq!(cut(text), [Span::Unknown(0..text.len())]);
        }
    }

    #[test]
    fn what_is_longer_than_a_batch_is_not_remembered() {
        let runs = Runs::none();
        let name: ProjectName = "a".parse().expect("is a name");
        let stretch = |bytes| runs.stretch(&vec![b'\n'; bytes], 1, 1);
        assert!(Run::new(name.clone(), &[stretch(MAX_BYTES)]).is_some());
        assert!(Run::new(name.clone(), &[stretch(MAX_BYTES), stretch(1)]).is_none());
        assert!(Run::new(name, &[]).is_none());
    }
}
