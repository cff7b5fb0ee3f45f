//! What hosts take at most, as data.

use super::Host;

/// The limits of a host; none where it states none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// The most bytes of a file.
    pub(super) file: Option<u64>,
    /// The same of a file in a branch.
    pub(super) file_in_branch: Option<u64>,
    /// The most files.
    pub(super) files: Option<u64>,
    /// The same on a plan that is paid for.
    pub(super) files_if_paid: Option<u64>,
    /// The most bytes of all files.
    pub(super) total: Option<u64>,
    /// Who says so, and when that was read.
    pub(super) source: &'static str,
    /// What to do when there is more.
    pub(super) hint: &'static str,
}

impl Limits {
    /// Whether there are any.
    pub(super) fn are_any(&self) -> bool {
        let Self { file, file_in_branch, files, total, .. } = self;
        [file, file_in_branch, files, total].into_iter().any(Option::is_some)
    }
}

/// What decides which of a host's limits hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether the site is committed to a branch, which may take smaller files only.
    pub is_branch: bool,
    /// Whether the plan is paid for.
    pub is_paid: bool,
}

/// What a site has, added up for a host that takes no more than so much.
#[derive(Debug)]
pub struct Load {
    host: Host,
    /// Those that hold.
    limits: Limits,
    files: u64,
    total: u64,
    /// The largest of the files that are too large.
    too_large: Option<(String, u64)>,
}

/// A site has what its host does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What that is, and what the host takes.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Load {
    /// Of nothing so far; none where the host states no limits.
    pub(super) fn new(host: Host, mut limits: Limits, terms: Terms) -> Option<Self> {
        limits.file = limits.file_in_branch.filter(|_| terms.is_branch).or(limits.file);
        limits.files = limits.files_if_paid.filter(|_| terms.is_paid).or(limits.files);
        let are_any = limits.are_any();
        are_any.then_some(Self { host, limits, files: 0, total: 0, too_large: None })
    }

    /// Adds a file of so many bytes; what is not known counts as none.
    pub fn add(&mut self, path: &str, size: Option<u64>) {
        let size = size.unwrap_or(0);
        self.files += 1;
        self.total = self.total.saturating_add(size);
        let is_larger = self.too_large.as_ref().is_none_or(|(_, largest)| size > *largest);
        if is_larger && self.limits.file.is_some_and(|most| size > most) {
            self.too_large = Some((path.to_owned(), size));
        }
    }

    /// Errors with the first limit that it is beyond.
    pub fn check(&self) -> Result<(), Unfit> {
        let name = self.host.name();
        let beyond = |what: &str, found: u64, most: Option<u64>, unit: &str| {
            let most = most.filter(|most| found > *most)?;
            Some(format!("{what} has {found} {unit}, and `{name}` takes at most {most}"))
        };
        let (path, size) = self.too_large.as_ref().map_or(("", 0), |(path, size)| (path, *size));
        let found = beyond(&format!("`{path}`"), size, self.limits.file, "bytes")
            .or_else(|| beyond("the site", self.files, self.limits.files, "files"))
            .or_else(|| beyond("the site", self.total, self.limits.total, "bytes"));
        match found {
            None => Ok(()),
            Some(message) => Err(Unfit {
                message: format!("{message} ({})", self.limits.source),
                hint: self.limits.hint.to_owned(),
            }),
        }
    }
}
