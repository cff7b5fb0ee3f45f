//! What a wheel's platform tags promise, against what its ELF files say.
//!
//! Agrees with auditwheel on the policies and on what breaks them, with three
//! differences: a library counts as bundled wherever in the wheel it lies, which
//! a loader may see differently; musl's `libc.so` is taken for the C library
//! that it is; and neither private symbols of system libraries nor x86-64
//! instruction levels are looked for, as headers do not tell of them.
//!
//! Source: PEP 600, PEP 656, the policies of auditwheel 6.8.2.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::policies::{self, Libc, Promise, Tag, is_loader, libc_of};
use crate::cuda::elf::{ElfFacts, ElfKind};

/// Libraries that wheels for CUDA leave to the driver, to `nvidia-*` wheels or to
/// torch: patterns for [`matches()`].
pub const CUDA_AND_TORCH: &[&str] = &[
    "libcuda.so.*",
    "libcudart.so.*",
    "libcublas*.so.*",
    "libcudnn*.so.*",
    "libcudss*.so.*",
    "libcufft*.so.*",
    "libcufile*.so.*",
    "libcupti*.so.*",
    "libcurand*.so.*",
    "libcusolver*.so.*",
    "libcusparse*.so.*",
    "libcutensor*.so.*",
    "libnccl*.so.*",
    "libnpp*.so.*",
    "libnvblas*.so.*",
    "libnvcuvid.so.*",
    "libnvfatbin*.so.*",
    "libnvidia-*.so.*",
    "libnvinfer*.so.*",
    "libnvJitLink*.so.*",
    "libnvjpeg*.so.*",
    "libnvonnxparser*.so.*",
    "libnvperf_*.so",
    "libnvrtc*.so.*",
    "libnvshmem*.so.*",
    "libnvToolsExt*.so.*",
    "libnvvm*.so.*",
    "libc10*.so",
    "libshm.so",
    "libtorch*.so",
];

/// What sort of promise an ELF file breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisproofKind {
    /// An extension module in a wheel for any platform.
    Any,
    /// A shared object for a machine that no tag names.
    Machine,
    /// A symbol version that systems of the tag need not have.
    Symbols,
    /// A library that is neither in the wheel nor on every system of the tag.
    Library,
    /// The other C library: glibc's for musllinux, or musl's for manylinux.
    Libc,
}

/// A file that shows that a tag promises too much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disproof {
    /// Which promise is broken.
    pub kind: DisproofKind,
    /// The file's path in the wheel.
    pub path: String,
    /// What was found, and what the tag makes one expect.
    pub message: String,
}

/// Whether a library's name fits a pattern, in which `*` stands for any text.
pub fn matches(pattern: &str, soname: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == soname };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(inner) = soname.strip_prefix(start).and_then(|name| name.strip_suffix(end)) else {
        return false;
    };
    // The first place at which a part fits leaves the most for those behind it.
    let mut parts = middle.split('*').filter(|part| !part.is_empty());
    parts.try_fold(inner, |left, part| Some(left.split_once(part)?.1)).is_some()
}

/// What the ELF files of a wheel disprove of its platform tags.
///
/// `tags` are the platform tags of the filename, `files` the ELF files by their
/// paths in the wheel, and `external` tells whether a library of that name is
/// provided for by others, such as by a wheel that this one depends on. Each
/// tag must hold; of several for one architecture the oldest decides.
pub fn judge(
    tags: &[&str],
    files: &[(&str, &ElfFacts)],
    external: &dyn Fn(&str) -> bool,
) -> Vec<Disproof> {
    let tags: Vec<Tag> = tags.iter().map(|tag| Tag::parse(tag)).collect();
    let mut found = Vec::new();
    if tags.iter().any(|tag| tag.promise == Promise::Any) {
        found.extend(
            files
                .iter()
                .filter(|(path, facts)| is_loadable(path, facts) && is_extension(path))
                .map(|(path, _)| Disproof {
                    kind: DisproofKind::Any,
                    path: (*path).to_owned(),
                    message: "is an extension module, expected none in a wheel for `any`"
                        .to_owned(),
                }),
        );
    }
    machines(&tags, files, &mut found);
    for tag in strictest(&tags) {
        Wheel::new(tag.architecture, files, external).judge(tag, &mut found);
    }
    found
}

/// The oldest manylinux tag that holds for the ELF files of this architecture, if one
/// does: what auditwheel calls consistent. None where there are none, or they are musl's.
pub fn lowest_true(
    architecture: &str,
    files: &[(&str, &ElfFacts)],
    external: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let wheel = Wheel::new(architecture, files, external);
    let mut libraries = wheel.of_glibc().flat_map(|facts| wheel.outside(facts));
    let allowed = libraries.all(|name| policies::library(architecture, name).is_some());
    // Files that need no C library are of either, unless others beside them tell.
    let built_for = |wanted| {
        let mut found = wheel.files.iter().filter_map(|(_, facts)| libc(facts));
        found.any(|(libc, _)| libc == wanted)
    };
    let glibc = built_for(Libc::Glibc) || !built_for(Libc::Musl);
    if allowed && glibc { wheel.oldest() } else { None }
}

/// Of the tags of each architecture, the oldest manylinux tag and the first musllinux tag.
fn strictest<'a, 't>(tags: &'t [Tag<'a>]) -> Vec<&'t Tag<'a>> {
    let mut kept: BTreeMap<(&str, bool), &Tag> = BTreeMap::new();
    for tag in tags {
        let version = |tag: &Tag| match tag.promise {
            Promise::Glibc(major, minor) => Some((major, minor)),
            _ => None,
        };
        if version(tag).is_some() || tag.promise == Promise::Musl {
            let first = kept.entry((tag.architecture, tag.promise == Promise::Musl)).or_insert(tag);
            if version(tag) < version(first) {
                *first = tag;
            }
        }
    }
    kept.into_values().collect()
}

/// Finds what was built for another machine. A wheel may well hold helpers for others
/// beside what is for its own, but Python loads an extension module itself.
fn machines(tags: &[Tag], files: &[(&str, &ElfFacts)], found: &mut Vec<Disproof>) {
    let tags: Vec<&Tag> = tags.iter().filter(|tag| !tag.architecture.is_empty()).collect();
    if tags.iter().any(|tag| policies::of(tag.architecture).is_empty()) {
        return;
    }
    let Some(first) = tags.first() else { return };
    let expected: BTreeSet<&str> = tags.iter().map(|tag| tag.architecture).collect();
    let loadable = files.iter().filter(|(path, facts)| is_loadable(path, facts));
    let (right, wrong): (Vec<_>, Vec<_>) = loadable
        .filter_map(|(path, facts)| Some((*path, facts.architecture()?)))
        .partition(|(_, architecture)| expected.contains(architecture));
    let expected = list(&expected.into_iter().collect::<Vec<_>>(), "or");
    for (path, architecture) in wrong {
        if right.is_empty() || is_extension(path) {
            let (text, path) = (first.text, path.to_owned());
            let message = format!("built for `{architecture}`, expected {expected} by `{text}`");
            found.push(Disproof { kind: DisproofKind::Machine, path, message });
        }
    }
}

/// The files of one architecture that a loader may meet, and what surrounds them.
struct Wheel<'a> {
    architecture: &'a str,
    files: Vec<(&'a str, &'a ElfFacts)>,
    /// Names by which files of the wheel can be found.
    bundled: BTreeSet<&'a str>,
    external: &'a dyn Fn(&str) -> bool,
}

impl<'a> Wheel<'a> {
    fn new(
        architecture: &'a str,
        files: &[(&'a str, &'a ElfFacts)],
        external: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        let linked = |facts: &ElfFacts| matches!(facts.kind, ElfKind::Executable | ElfKind::Shared);
        let own = |facts: &ElfFacts| facts.architecture() == Some(architecture);
        let files = files.iter().copied().filter(|(_, facts)| linked(facts) && own(facts));
        let files: Vec<(&str, &ElfFacts)> = files.collect();
        let bundled = files
            .iter()
            .flat_map(|(path, facts)| [Some(basename(path)), facts.soname.as_deref()])
            .flatten()
            .collect();
        Self { architecture, files, bundled, external }
    }

    /// The libraries that a file needs of others than the wheel.
    fn outside(&self, facts: &'a ElfFacts) -> Vec<&'a str> {
        let needed = facts.needed.iter().map(String::as_str);
        needed
            .filter(|name| !is_loader(name) && !self.bundled.contains(name))
            .filter(|name| !(self.external)(name))
            .collect()
    }

    /// The files that are not musl's.
    fn of_glibc(&self) -> impl Iterator<Item = &'a ElfFacts> {
        let facts = self.files.iter().map(|(_, facts)| *facts);
        facts.filter(|facts| libc(facts).is_none_or(|(libc, _)| libc == Libc::Glibc))
    }

    /// The oldest manylinux tag that has all symbols, and all libraries that any tag has.
    fn oldest(&self) -> Option<String> {
        let mut oldest = None;
        for facts in self.of_glibc() {
            oldest = oldest.max(Some((2, *policies::of(self.architecture).first()?)));
            for (kind, version) in judged(facts) {
                oldest = oldest.max(Some(policies::since(self.architecture, kind, version)?));
            }
            for name in self.outside(facts) {
                let policy = policies::library(self.architecture, name);
                oldest = oldest.max(policy.map(|policy| (2, policy)));
            }
        }
        let (major, minor) = oldest?;
        Some(format!("manylinux_{major}_{minor}_{}", self.architecture))
    }

    fn judge(&self, tag: &Tag, found: &mut Vec<Disproof>) {
        let (expected, name) = match tag.promise {
            Promise::Musl => (Libc::Musl, "musl"),
            _ => (Libc::Glibc, "glibc"),
        };
        for (path, facts) in &self.files {
            let mut disprove = |kind, message| {
                found.push(Disproof { kind, path: (*path).to_owned(), message });
            };
            match libc(facts) {
                Some((libc, proof)) if libc != expected => {
                    let text = tag.text;
                    if is_loadable(path, facts) || path.contains(".data/scripts/") {
                        let message = format!("needs `{proof}`, expected {name}'s by `{text}`");
                        disprove(DisproofKind::Libc, message);
                    }
                    continue;
                }
                _ => {}
            }
            if let Some(message) = self.symbols(tag, facts) {
                disprove(DisproofKind::Symbols, message);
            }
            if let Some(message) = self.libraries(tag, facts) {
                disprove(DisproofKind::Library, message);
            }
        }
    }

    fn symbols(&self, tag: &Tag, facts: &ElfFacts) -> Option<String> {
        // Of each kind the highest version says it all.
        let mut lacking: BTreeMap<&str, (Option<Vec<u32>>, &str)> = BTreeMap::new();
        for (kind, version) in judged(facts).filter(|(kind, version)| !tag.has(kind, version)) {
            let lacks = (policies::numbers(version), version);
            let highest = lacking.entry(kind).or_insert_with(|| lacks.clone());
            *highest = lacks.max(highest.clone());
        }
        let (mut needed, mut allowed, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, (numbers, version)) in lacking {
            let symbol = format!("{kind}_{version}");
            let most = tag.highest(kind).filter(|most| policies::numbers(most) < numbers);
            if let Some(most) = most {
                needed.push(symbol);
                allowed.push(format!("{kind}_{most}"));
            } else {
                absent.push(symbol);
            }
        }
        let (text, mut parts) = (tag.text, Vec::new());
        if !needed.is_empty() {
            let (needed, allowed) = (list(&needed, "and"), list(&allowed, "and"));
            parts.push(format!("needs {needed}, expected at most {allowed} by `{text}`"));
        }
        if !absent.is_empty() {
            parts.push(format!("needs {}, which `{text}` does not have", list(&absent, "and")));
        }
        if parts.is_empty() {
            return None;
        }
        parts.extend(self.oldest().map(|oldest| format!("true would be `{oldest}`")));
        Some(parts.join("; "))
    }

    fn libraries(&self, tag: &Tag, facts: &ElfFacts) -> Option<String> {
        let mut lacking = self.outside(facts);
        lacking.retain(|name| !tag.has_library(name));
        if lacking.is_empty() {
            return None;
        }
        let mut message = format!(
            "needs {}, expected only libraries that the wheel holds or `{}` allows",
            list(&lacking, "and"),
            tag.text
        );
        let later = |name: &&str| policies::library(self.architecture, name).is_some();
        if tag.promise != Promise::Musl
            && lacking.iter().all(later)
            && let Some(oldest) = self.oldest()
        {
            message.push_str(&format!("; true would be `{oldest}`"));
        }
        Some(message)
    }
}

/// The C library that a file was built for, and what shows it.
fn libc(facts: &ElfFacts) -> Option<(Libc, &str)> {
    let interpreter = facts.interpreter.as_deref().map(basename);
    let mut named = interpreter.into_iter().chain(facts.needed.iter().map(String::as_str));
    named.find_map(|name| Some((libc_of(name)?, name))).or_else(|| {
        let mut versions = facts.versions.values().flatten();
        versions.find(|version| version.starts_with("GLIBC_")).map(|v| (Libc::Glibc, v.as_str()))
    })
}

/// The symbol versions that policies judge, as kind and version.
fn judged(facts: &ElfFacts) -> impl Iterator<Item = (&str, &str)> {
    let needed = facts.versions.iter().filter(|(library, _)| !is_loader(library));
    needed
        .flat_map(|(_, versions)| versions)
        .filter_map(|version| version.split_once('_'))
        .filter(|(kind, _)| policies::JUDGED.contains(kind))
}

/// Whether Python or the loader would take it for something to load, by its name.
fn is_loadable(path: &str, facts: &ElfFacts) -> bool {
    let name = basename(path);
    let numbered = || {
        let (_, numbers) = name.rsplit_once(".so.")?;
        policies::numbers(numbers)
    };
    facts.kind == ElfKind::Shared && (name.ends_with(".so") || numbered().is_some())
}

/// Whether its name is one that only Python's own extension modules have.
fn is_extension(path: &str) -> bool {
    let name = basename(path);
    name.ends_with(".abi3.so")
        || [".cpython-", ".pypy", ".graalpy"].iter().any(|part| name.contains(part))
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first few names, quoted, as a sentence has them.
fn list(names: &[impl AsRef<str>], word: &str) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
    match &shown[..] {
        [] => String::new(),
        [one] => one.clone(),
        all if names.len() > SHOWN => {
            format!("{} and {} more", all.join(", "), names.len() - SHOWN)
        }
        [start @ .., last] => format!("{} {word} {last}", start.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shared object for a machine of 64 bits that needs these libraries, and of each
    /// the versions behind its name.
    fn library(machine: u16, needed: &[&str]) -> ElfFacts {
        let parts = needed.iter().map(|text| text.split(' ').map(str::to_owned));
        let versions = parts.clone().filter_map(|mut parts| Some((parts.next()?, parts.collect())));
        ElfFacts {
            machine,
            bits: 64,
            little_endian: true,
            kind: ElfKind::Shared,
            flags: 0,
            soname: None,
            needed: parts.filter_map(|mut parts| parts.next()).collect(),
            runpath: None,
            interpreter: None,
            versions: versions.collect(),
            cxx11_abi: None,
        }
    }

    fn judged_as(tags: &[&str], files: &[(&str, &ElfFacts)]) -> Vec<(DisproofKind, String)> {
        let external = |name: &str| CUDA_AND_TORCH.iter().any(|pattern| matches(pattern, name));
        let found = judge(tags, files, &external);
        found.into_iter().map(|disproof| (disproof.kind, disproof.message)).collect()
    }

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, fits) in [
            ("libcudart.so.*", "libcudart.so.12", true),
            ("libcudart.so.*", "libcudart.so", false),
            ("libcublas*.so.*", "libcublasLt.so.12", true),
            ("libc10*.so", "libc10_cuda.so", true),
            ("libc10*.so", "libc10.so.1", false),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("*b*", "abc", true),
            ("libshm.so", "libshm.so", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn the_oldest_manylinux_tag_decides() {
        let file =
            library(62, &["libc.so.6 GLIBC_2.2.5 GLIBC_2.28", "libstdc++.so.6 GLIBCXX_3.4.24"]);
        let files = [("x/y.so", &file)];
        let tags = ["manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"];
        let message = "needs `GLIBC_2.28` and `GLIBCXX_3.4.24`, expected at most `GLIBC_2.17` \
                       and `GLIBCXX_3.4.19` by `manylinux2014_x86_64`; \
                       true would be `manylinux_2_28_x86_64`";
        assert_eq!(judged_as(&tags, &files), [(DisproofKind::Symbols, message.to_owned())]);
        for tag in ["manylinux_2_28_x86_64", "manylinux_2_99_x86_64", "linux_x86_64"] {
            assert_eq!(judged_as(&[tag], &files), [], "{tag}");
        }
        assert_eq!(
            lowest_true("x86_64", &files, &|_| false).as_deref(),
            Some("manylinux_2_28_x86_64")
        );
    }

    #[test]
    fn policies_differ_by_architecture() {
        // The policies of x86-64 have the symbols of GCC 7 later than those of the others.
        for (machine, tag, holds) in [
            (62, "manylinux_2_26_x86_64", false),
            (62, "manylinux_2_27_x86_64", true),
            (183, "manylinux_2_26_aarch64", true),
        ] {
            let file = library(machine, &["libgcc_s.so.1 GCC_7.0.0"]);
            assert_eq!(judged_as(&[tag], &[("x.so", &file)]).is_empty(), holds, "{tag}");
        }
        let file = library(62, &["libgcc_s.so.1 GCC_4.4.0", "libc.so.6 GLIBC_2.43"]);
        let found = judged_as(&["manylinux_2_41_x86_64"], &[("x.so", &file)]);
        assert_eq!(
            found[0].1,
            "needs `GLIBC_2.43`, expected at most `GLIBC_2.41` by `manylinux_2_41_x86_64`; \
             needs `GCC_4.4.0`, which `manylinux_2_41_x86_64` does not have"
        );
    }

    #[test]
    fn tags_between_policies_are_versions_of_glibc() {
        let file = library(62, &["libc.so.6 GLIBC_2.30", "libstdc++.so.6 GLIBCXX_3.4.28"]);
        for (tag, holds) in [("manylinux_2_29_x86_64", false), ("manylinux_2_30_x86_64", true)] {
            assert_eq!(judged_as(&[tag], &[("x.so", &file)]).is_empty(), holds, "{tag}");
        }
    }

    #[test]
    fn libraries_are_bundled_allowed_or_external() {
        let file = library(62, &["libc.so.6", "libfoo-1234.so.2", "libbar.so", "libcudart.so.12"]);
        let bundled = library(62, &[]);
        let named = ElfFacts { soname: Some("libbar.so".to_owned()), ..bundled.clone() };
        let files = [("x.so", &file), ("x.libs/libfoo-1234.so.2", &bundled), ("b.so", &named)];
        assert_eq!(judged_as(&["manylinux_2_17_x86_64"], &files), []);
        let message = "needs `libbar.so`, expected only libraries that the wheel holds or \
                       `manylinux_2_17_x86_64` allows";
        assert_eq!(
            judged_as(&["manylinux_2_17_x86_64"], &files[..2]),
            [(DisproofKind::Library, message.to_owned())]
        );
        assert_eq!(lowest_true("x86_64", &files, &|_| false), None);
        let vector = library(62, &["libmvec.so.1"]);
        let found = judged_as(&["manylinux_2_17_x86_64"], &[("x.so", &vector)]);
        assert!(found[0].1.ends_with("; true would be `manylinux_2_24_x86_64`"), "{found:?}");
    }

    #[test]
    fn only_what_would_be_loaded_disproves_any() {
        let file = library(62, &[]);
        let object = ElfFacts { kind: ElfKind::Relocatable, ..file.clone() };
        for (path, facts, found) in [
            ("x/y.abi3.so", &file, 1),
            ("x/y.cpython-312-x86_64-linux-gnu.so", &file, 1),
            // A helper that is injected into other programs has such a name too.
            ("x/y.so", &file, 0),
            ("x/y.so.1.2", &file, 0),
            ("x/data.bin", &file, 0),
            ("x/y.abi3.so", &object, 0),
        ] {
            assert_eq!(judged_as(&["any"], &[(path, facts)]).len(), found, "{path}");
        }
    }

    #[test]
    fn extensions_are_for_the_machine_of_the_tag() {
        let (intel, arm, device) = (library(62, &[]), library(183, &[]), library(190, &[]));
        let message = "built for `aarch64`, expected `x86_64` by `linux_x86_64`".to_owned();
        let wrong = [(DisproofKind::Machine, message)];
        assert_eq!(judged_as(&["linux_x86_64"], &[("x.so", &arm), ("d.so", &device)]), wrong);
        // A helper for another machine proves nothing, an extension module does.
        let extension = "x.cpython-312-aarch64-linux-gnu.so";
        assert_eq!(judged_as(&["linux_x86_64"], &[("x.so", &intel), (extension, &arm)]), wrong);
        assert_eq!(judged_as(&["linux_x86_64"], &[("x.so", &intel), ("y.so", &arm)]), []);
        for tag in ["linux_mips64", "macosx_11_0_arm64", "win_amd64"] {
            assert_eq!(judged_as(&[tag], &[("x.so", &intel)]), [], "{tag}");
        }
    }

    #[test]
    fn the_c_library_is_that_of_the_tag() {
        let glibc = library(62, &["libc.so.6 GLIBC_2.17"]);
        let message = "needs `libc.so.6`, expected musl's by `musllinux_1_2_x86_64`".to_owned();
        let tags = ["manylinux_2_17_x86_64", "musllinux_1_2_x86_64"];
        assert_eq!(judged_as(&tags, &[("x.so", &glibc)]), [(DisproofKind::Libc, message)]);
        for name in ["libc.musl-x86_64.so.1", "libc.so"] {
            let musl = library(62, &[name, "libz.so.1"]);
            assert_eq!(judged_as(&["musllinux_1_1_x86_64"], &[("x.so", &musl)]), []);
            let free = library(62, &[]);
            let files = [("x.so", &musl), ("y.so", &free)];
            assert_eq!(lowest_true("x86_64", &files, &|_| false), None);
            let found = judged_as(&["manylinux1_x86_64"], &files);
            assert_eq!((found.len(), found[0].0), (1, DisproofKind::Libc));
        }
    }
}
