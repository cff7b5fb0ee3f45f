//! What platform tags allow; for manylinux as the policies of auditwheel 6.8.2 say.
//!
//! Policies only grow: what one allows, all later ones allow. So each symbol
//! version and each library is written once, with the first policy that has it.

/// Minor versions of the policies `manylinux_2_*`.
const POLICIES: &[u32] = &[5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36, 37, 38, 39, 40, 41];

/// The architectures, with the first policy that each has.
const ARCHITECTURES: &[(&str, u32)] = &[
    ("i686", 5),
    ("x86_64", 5),
    ("aarch64", 17),
    ("ppc64", 17),
    ("ppc64le", 17),
    ("s390x", 17),
    ("armv7l", 17),
    ("riscv64", 31),
    ("loongarch64", 36),
];

/// Every architecture but this has all policies from its first one on.
const SINGLE: &str = "ppc64";

/// The policies with names of their own.
const ALIASES: &[(&str, u32)] = &[("manylinux1", 5), ("manylinux2010", 12), ("manylinux2014", 17)];

/// The kinds of symbol versions that policies judge; all others are the business of
/// whoever ships the library.
pub(super) const JUDGED: &[&str] = &["CXXABI", "GCC", "GLIBC", "GLIBCXX", "LIBATOMIC", "ZLIB"];

/// Libraries that every system has, with the first policy that allows them.
const LIBRARIES: &[(u32, &str)] = &[
    (
        5,
        "libGL.so.1 libICE.so.6 libSM.so.6 libX11.so.6 libXext.so.6 libXrender.so.1 libanl.so.1 \
         libatomic.so.1 libc.so.6 libdl.so.2 libgcc_s.so.1 libglib-2.0.so.0 libgobject-2.0.so.0 \
         libgthread-2.0.so.0 libm.so.6 libnsl.so.1 libpthread.so.0 libresolv.so.2 librt.so.1 \
         libstdc++.so.6 libutil.so.1 libz.so.1",
    ),
    (12, "libexpat.so.1"),
    (24, "libmvec.so.1"),
];

/// Symbol versions: the first policy that has them, the architectures that have them
/// (all where none is named), their kind, and the versions. An architecture whose
/// first policy is later has them from that one on.
#[rustfmt::skip]
const SYMBOLS: &[(u32, &str, &str, &str)] = &[
    (5, "", "CXXABI", "1.3 1.3.1"),
    (5, "", "GCC", "3.0 3.3 3.3.1 3.4 3.4.2 4.0.0 4.2.0"),
    (5, "", "GLIBCXX", "3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.4.7 3.4.8"),
    (5, "i686 aarch64 ppc64 ppc64le armv7l riscv64 loongarch64", "GLIBC", "2.0"),
    (5, "i686 ppc64", "GLIBC", "2.1 2.1.1 2.1.2 2.1.3"),
    (5, "i686 ppc64 s390x", "GLIBC", "2.2 2.2.1 2.2.2 2.2.3 2.2.4"),
    (5, "i686 x86_64 ppc64 s390x", "GLIBC", "2.2.6 2.3 2.3.2 2.3.3 2.3.4"),
    (5, "i686 x86_64 ppc64 s390x armv7l", "GLIBC", "2.4 2.5"),
    (5, "x86_64 aarch64 ppc64 ppc64le s390x riscv64 loongarch64", "GCC", "3.4.4"),
    (5, "x86_64 ppc64", "GLIBC", "2.2.5"),
    (12, "", "CXXABI", "1.3.2 1.3.3"),
    (12, "", "GCC", "4.3.0"),
    (12, "", "GLIBCXX", "3.4.9 3.4.10 3.4.11 3.4.12 3.4.13"),
    (12, "", "ZLIB", "1.2.0 1.2.0.2 1.2.0.8 1.2.2 1.2.2.3 1.2.2.4"),
    (12, "i686 aarch64 ppc64 riscv64 loongarch64", "GCC", "4.5.0"),
    (12, "i686 ppc64 riscv64 loongarch64", "GCC", "4.4.0"),
    (12, "i686 x86_64 ppc64 s390x armv7l", "GLIBC", "2.6 2.7 2.8 2.9 2.10 2.11 2.12"),
    (17, "", "CXXABI", "1.3.4 1.3.5 1.3.6 1.3.7 TM_1"),
    (17, "", "GCC", "4.7.0"),
    (17, "", "GLIBCXX", "3.4.14 3.4.15 3.4.16 3.4.17 3.4.18 3.4.19"),
    (17, "", "ZLIB", "1.2.3.3 1.2.3.4 1.2.3.5 1.2.5.1 1.2.5.2"),
    (17, "aarch64", "GLIBC", "2.18"),
    (17, "armv7l", "CXXABI", "ARM_1.3.3"),
    (17, "armv7l", "GCC", "3.3.4 3.5"),
    (17, "i686 aarch64 ppc64 ppc64le armv7l riscv64 loongarch64", "LIBATOMIC", "1.0"),
    (17, "i686 x86_64 aarch64 ppc64 ppc64le s390x armv7l", "GLIBC", "2.17"),
    (17, "i686 x86_64 ppc64", "GCC", "4.8.0"),
    (17, "i686 x86_64 ppc64 s390x armv7l", "GLIBC", "2.13 2.14 2.15 2.16"),
    (17, "ppc64le s390x", "CXXABI", "LDBL_1.3"),
    (17, "ppc64le s390x", "GLIBCXX", "LDBL_3.4 LDBL_3.4.7 LDBL_3.4.10"),
    (17, "s390x", "GCC", "4.1.0"),
    (24, "", "CXXABI", "1.3.8 1.3.9 1.3.10"),
    (24, "", "GLIBCXX", "3.4.20 3.4.21 3.4.22"),
    (24, "", "LIBATOMIC", "1.1 1.2"),
    (24, "i686 x86_64", "CXXABI", "FLOAT128"),
    (24, "i686 x86_64 aarch64 ppc64le s390x armv7l", "GLIBC", "2.22 2.23 2.24"),
    (24, "i686 x86_64 ppc64le s390x armv7l", "GLIBC", "2.18"),
    (24, "ppc64le s390x", "GLIBCXX", "LDBL_3.4.21"),
    (24, "s390x", "GLIBC", "2.19"),
    (24, "x86_64 s390x", "LIBATOMIC", "1.0"),
    (26, "i686 aarch64 ppc64le s390x armv7l riscv64 loongarch64", "CXXABI", "1.3.11"),
    (26, "i686 aarch64 ppc64le s390x armv7l riscv64 loongarch64", "GCC", "7.0.0"),
    (26, "i686 aarch64 ppc64le s390x armv7l riscv64 loongarch64", "GLIBCXX", "3.4.23 3.4.24"),
    (26, "i686 ppc64le s390x armv7l riscv64 loongarch64", "ZLIB", "1.2.7.1 1.2.9"),
    (26, "i686 x86_64 aarch64 ppc64le s390x armv7l", "GLIBC", "2.25 2.26"),
    (27, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBC", "2.27"),
    (27, "x86_64", "CXXABI", "1.3.11"),
    (27, "x86_64", "GCC", "7.0.0"),
    (27, "x86_64", "GLIBCXX", "3.4.23 3.4.24"),
    (27, "x86_64 aarch64", "ZLIB", "1.2.7.1 1.2.9"),
    (28, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBC", "2.28"),
    (31, "", "CXXABI", "1.3.12"),
    (31, "", "GLIBCXX", "3.4.25 3.4.26 3.4.27 3.4.28"),
    (31, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBC", "2.29 2.30 2.31"),
    (34, "", "CXXABI", "1.3.13"),
    (34, "", "GLIBCXX", "3.4.29"),
    (34, "aarch64", "GCC", "11.0"),
    (34, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBC", "2.32 2.33 2.34"),
    (34, "ppc64le", "CXXABI", "IEEE128_1.3.13"),
    (34, "ppc64le", "GLIBCXX", "IEEE128_3.4.29"),
    (34, "ppc64le s390x", "GLIBCXX", "LDBL_3.4.29"),
    (35, "", "GLIBCXX", "3.4.30"),
    (35, "i686 x86_64", "GCC", "12.0.0"),
    (35, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBC", "2.35"),
    (35, "ppc64le", "GLIBCXX", "IEEE128_3.4.30"),
    (36, "", "GLIBC", "2.36"),
    (36, "i686", "ZLIB", "1.2.12"),
    (36, "i686 x86_64 aarch64 ppc64le s390x armv7l loongarch64", "GLIBC", "ABI_DT_RELR"),
    (37, "i686 armv7l riscv64", "GLIBC", "2.37"),
    (37, "x86_64 aarch64 ppc64le s390x armv7l riscv64 loongarch64", "ZLIB", "1.2.12"),
    (38, "", "GLIBC", "2.38"),
    (38, "riscv64", "GLIBC", "ABI_DT_RELR"),
    (39, "", "CXXABI", "1.3.14 1.3.15"),
    (39, "", "GCC", "14.0.0"),
    (39, "", "GLIBC", "2.39"),
    (39, "", "GLIBCXX", "3.4.31 3.4.32"),
    (39, "aarch64", "GCC", "14.0"),
    (39, "i686 x86_64 aarch64", "GCC", "13.0.0"),
    (39, "i686 x86_64 aarch64 ppc64le s390x armv7l riscv64", "GLIBCXX", "3.4.33"),
    (39, "ppc64le", "GLIBCXX", "IEEE128_3.4.31"),
    (39, "ppc64le s390x", "GLIBCXX", "LDBL_3.4.31"),
    (40, "", "GLIBC", "2.40"),
    (40, "loongarch64", "GLIBCXX", "3.4.33"),
    (41, "", "GLIBC", "2.41"),
];

/// The policies of an architecture, oldest first; none if nobody has defined any.
pub(super) fn of(architecture: &str) -> &'static [u32] {
    let first = ARCHITECTURES.iter().find(|(name, _)| *name == architecture);
    let Some(start) = first.and_then(|(_, first)| POLICIES.iter().position(|p| p == first)) else {
        return &[];
    };
    let end = if architecture == SINGLE { start + 1 } else { POLICIES.len() };
    &POLICIES[start..end]
}

/// The first policy of an architecture that has this symbol version.
fn symbol(architecture: &str, kind: &str, version: &str) -> Option<u32> {
    let rows = versions(architecture, kind);
    let mut found = rows.filter(|(_, versions)| versions.split(' ').any(|v| v == version));
    clamp(architecture, found.next()?.0)
}

/// The highest dotted version of a kind that a policy has.
fn highest(architecture: &str, kind: &str, policy: u32) -> Option<&'static str> {
    let rows = versions(architecture, kind);
    let held = rows.filter(|(since, _)| *since <= policy).flat_map(|(_, text)| text.split(' '));
    held.filter_map(|version| Some((numbers(version)?, version))).max().map(|(_, version)| version)
}

/// The first policy of an architecture that allows this library.
pub(super) fn library(architecture: &str, soname: &str) -> Option<u32> {
    let mut found = LIBRARIES.iter().filter(|(_, names)| names.split(' ').any(|n| n == soname));
    clamp(architecture, found.next()?.0)
}

/// The numbers of a dotted version.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}

fn versions(architecture: &str, kind: &str) -> impl Iterator<Item = (u32, &'static str)> {
    SYMBOLS
        .iter()
        .filter(move |(_, only, row, _)| {
            *row == kind && (only.is_empty() || only.split(' ').any(|name| name == architecture))
        })
        .map(|(since, _, _, versions)| (*since, *versions))
}

/// The first of the architecture's policies from `since` on.
fn clamp(architecture: &str, since: u32) -> Option<u32> {
    of(architecture).iter().copied().find(|policy| *policy >= since)
}

/// The oldest manylinux version of an architecture that has this symbol version.
pub(super) fn since(architecture: &str, kind: &str, version: &str) -> Option<(u32, u32)> {
    if let Some(policy) = symbol(architecture, kind, version) {
        return Some((2, policy));
    }
    // What is newer than all policies needs none: a tag's version is that of glibc.
    let numbers = numbers(version).filter(|_| kind == "GLIBC")?;
    let version = (*numbers.first()?, *numbers.get(1)?);
    (version > (2, *POLICIES.last()?)).then_some(version)
}

/// What a tag promises of ELF files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// There is nothing to load.
    Any,
    /// The machine.
    Linux,
    /// Any system with this version of glibc, or a later one.
    Glibc(u32, u32),
    /// Any system with musl; its symbols have no versions.
    Musl,
    /// Nothing: macOS, Windows and others have formats of their own.
    Nothing,
}

/// A platform tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// As the filename spells it.
    pub(super) text: &'a str,
    /// What it promises.
    pub(super) promise: Promise,
    /// As [`ElfFacts::architecture`] spells it.
    pub(super) architecture: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads a tag; each text is one.
    pub(super) fn parse(text: &'a str) -> Self {
        let (promise, architecture) = Self::promise(text).unwrap_or((Promise::Nothing, ""));
        // One kind of ELF file for all of them: headers do not tell them apart.
        let architecture = match architecture {
            "armv6l" | "armv8l" => "armv7l",
            "i386" | "i486" | "i586" => "i686",
            other => other,
        };
        Self { text, promise, architecture }
    }

    fn promise(text: &'a str) -> Option<(Promise, &'a str)> {
        if text == "any" {
            return Some((Promise::Any, ""));
        }
        let (name, rest) = text.split_once('_')?;
        if name == "linux" {
            return Some((Promise::Linux, rest));
        }
        if let Some((_, minor)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
            return Some((Promise::Glibc(2, *minor), rest));
        }
        let mut parts = rest.splitn(3, '_');
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let promise = match name {
            "manylinux" => Promise::Glibc(major, minor),
            "musllinux" => Promise::Musl,
            _ => return None,
        };
        Some((promise, parts.next()?))
    }

    /// Whether a system that keeps the promise has a symbol version.
    pub(super) fn has(&self, kind: &str, version: &str) -> bool {
        let Promise::Glibc(major, minor) = self.promise else { return true };
        let policy = self.policy();
        // Tags need no policy (PEP 600): their version is that of glibc, and the next
        // policy allows all else that they may.
        if kind == "GLIBC"
            && policy != Some(minor)
            && let Some(numbers) = numbers(version)
        {
            return numbers[..numbers.len().min(2)] <= [major, minor][..];
        }
        match symbol(self.architecture, kind, version) {
            Some(since) => policy.is_none_or(|policy| since <= policy),
            // Nobody knows what policies of the future will have.
            None => policy.is_none(),
        }
    }

    /// Whether every system that keeps the promise has a library.
    pub(super) fn has_library(&self, soname: &str) -> bool {
        match self.promise {
            Promise::Musl => soname == "libz.so.1" || libc_of(soname) == Some(Libc::Musl),
            _ => library(self.architecture, soname)
                .is_some_and(|since| self.policy().is_none_or(|policy| since <= policy)),
        }
    }

    /// The highest version of a kind that the tag allows.
    pub(super) fn highest(&self, kind: &str) -> Option<String> {
        let Promise::Glibc(major, minor) = self.promise else { return None };
        let policy = self.policy();
        if kind == "GLIBC" && policy != Some(minor) {
            return Some(format!("{major}.{minor}"));
        }
        highest(self.architecture, kind, policy?).map(str::to_owned)
    }

    /// The oldest policy that is not older than the tag.
    fn policy(&self) -> Option<u32> {
        let Promise::Glibc(major, minor) = self.promise else { return None };
        of(self.architecture).iter().copied().find(|policy| (2, *policy) >= (major, minor))
    }
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Libc {
    Glibc,
    Musl,
}

/// The C library that a library or loader of this name belongs to.
pub(super) fn libc_of(soname: &str) -> Option<Libc> {
    if ["libc.musl-", "ld-musl-"].iter().any(|start| soname.starts_with(start))
        || soname == "libc.so"
    {
        return Some(Libc::Musl);
    }
    (soname == "libc.so.6" || is_loader(soname)).then_some(Libc::Glibc)
}

/// Whether it is glibc's loader, which every system of its kind has.
pub(super) fn is_loader(soname: &str) -> bool {
    soname.contains("ld-linux") || ["ld64.so.1", "ld64.so.2"].contains(&soname)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_what_exists() {
        for (index, (since, architectures, kind, versions)) in SYMBOLS.iter().enumerate() {
            assert!(POLICIES.contains(since) && JUDGED.contains(kind), "{since} {kind}");
            assert!(SYMBOLS[index.saturating_sub(1)].0 <= *since, "{since} {kind} is out of order");
            for name in architectures.split(' ').filter(|name| !name.is_empty()) {
                assert!(!of(name).is_empty(), "{name}");
            }
            assert!(versions.split(' ').all(|version| !version.is_empty()), "{versions}");
        }
    }

    #[test]
    fn tags_are_read() {
        for (text, promise, architecture) in [
            ("any", Promise::Any, ""),
            ("linux_x86_64", Promise::Linux, "x86_64"),
            ("linux_armv6l", Promise::Linux, "armv7l"),
            ("manylinux1_i686", Promise::Glibc(2, 5), "i686"),
            ("manylinux2014_ppc64le", Promise::Glibc(2, 17), "ppc64le"),
            ("manylinux_2_28_x86_64", Promise::Glibc(2, 28), "x86_64"),
            ("musllinux_1_2_aarch64", Promise::Musl, "aarch64"),
            ("macosx_11_0_arm64", Promise::Nothing, ""),
            ("win_amd64", Promise::Nothing, ""),
            ("manylinux_x_1_x86_64", Promise::Nothing, ""),
            ("manylinux_2_17", Promise::Nothing, ""),
            ("", Promise::Nothing, ""),
        ] {
            assert_eq!(Tag::parse(text), Tag { text, promise, architecture });
        }
    }

    #[test]
    fn policies_begin_where_their_architecture_does() {
        assert_eq!(of("x86_64").first(), Some(&5));
        assert_eq!(of("riscv64").first(), Some(&31));
        assert_eq!(of("ppc64"), [17]);
        assert_eq!(of("mips64"), [0; 0]);
        assert_eq!(since("riscv64", "CXXABI", "1.3"), Some((2, 31)));
        assert_eq!(since("x86_64", "GLIBC", "2.18"), Some((2, 24)));
        assert_eq!(since("x86_64", "GLIBC", "2.50"), Some((2, 50)));
        assert_eq!(since("x86_64", "GLIBC", "PRIVATE"), None);
    }
}
