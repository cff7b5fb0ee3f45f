//! Where addresses in pages and style sheets lead, as browsers read them.

use super::page::Place;

const NOT_FROM_ROOT: &str =
    "is relative, and the page is served at any depth: begin it with `{{ root }}`";

/// Where an address leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    Nowhere,
    /// Within the page.
    Fragment,
    /// To another host, or to no host at all.
    Foreign,
    /// It is no address but a script.
    Script,
    /// It holds what it names.
    Data,
    /// From the root of the host.
    Rooted(String),
    Relative(String),
}

impl Address {
    pub(super) fn of(address: &str) -> Self {
        // Browsers leave out tabs and ends of lines, and what stands before and behind.
        let address: String =
            address.chars().filter(|char| !matches!(char, '\t' | '\n' | '\r')).collect();
        let address = address.trim_matches(|char: char| char <= ' ');
        if address.is_empty() {
            return Self::Nowhere;
        }
        if address.starts_with('#') {
            return Self::Fragment;
        }
        let path = &address[..address.find(['?', '#']).unwrap_or(address.len())];
        let path = path.replace('\\', "/");
        if path.starts_with("//") {
            return Self::Foreign;
        }
        let scheme = path.split([':', '/']).next().unwrap_or_default();
        if path[scheme.len()..].starts_with(':')
            && scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        {
            return match scheme.to_ascii_lowercase().as_str() {
                "javascript" | "vbscript" => Self::Script,
                "data" => Self::Data,
                _ => Self::Foreign,
            };
        }
        if path.starts_with('/') { Self::Rooted(path) } else { Self::Relative(path) }
    }
}

/// The addresses of a `srcset`.
pub(super) fn candidates(mut srcset: &str) -> Vec<&str> {
    let mut candidates = Vec::new();
    loop {
        srcset = srcset.trim_start_matches(|char: char| char.is_ascii_whitespace() || char == ',');
        if srcset.is_empty() {
            return candidates;
        }
        let end = srcset.find(|char: char| char.is_ascii_whitespace()).unwrap_or(srcset.len());
        let candidate = &srcset[..end];
        srcset = &srcset[end..];
        candidates.push(candidate.trim_end_matches(','));
        if !candidate.ends_with(',') {
            srcset = srcset.split_once(',').map_or("", |(_, rest)| rest);
        }
    }
}

impl Place<'_> {
    /// What is wrong with an address that is loaded.
    pub(super) fn fault_of_load(&self, address: &str, may_be_data: bool) -> Option<String> {
        match Address::of(address) {
            Address::Foreign => Some("loads from another host".to_owned()),
            Address::Script => Some("has a script of its own, which does not run".to_owned()),
            Address::Data if may_be_data => None,
            Address::Data => Some("loads nothing: the policy wants a file".to_owned()),
            Address::Nowhere => Some("is empty".to_owned()),
            Address::Fragment => None,
            Address::Rooted(path) if !self.is_anywhere() => Some(rooted(&path)),
            Address::Rooted(path) => match path.strip_prefix(self.root) {
                Some(path) => self.fault_of_asset(path),
                None => Some(rooted(&path)),
            },
            Address::Relative(_) if self.is_anywhere() => Some(NOT_FROM_ROOT.to_owned()),
            Address::Relative(path) => self.fault_of_asset(&self.resolve(&path)?),
        }
    }

    /// What is wrong with an address that somebody may follow.
    pub(super) fn fault_of_link(&self, address: &str) -> Option<String> {
        match Address::of(address) {
            Address::Script => Some("has a script of its own, which does not run".to_owned()),
            Address::Rooted(path) if !self.is_anywhere() => Some(rooted(&path)),
            Address::Rooted(path) => match path.strip_prefix(self.root) {
                Some(path) => self.fault_of_linked_asset(path),
                None => Some(rooted(&path)),
            },
            Address::Relative(_) if self.is_anywhere() => Some(NOT_FROM_ROOT.to_owned()),
            Address::Relative(path) => self.fault_of_linked_asset(&self.resolve(&path)?),
            _ => None,
        }
    }

    /// Whether the page is served at any depth.
    fn is_anywhere(&self) -> bool {
        self.root.starts_with('/')
    }

    /// The path from the root of the site; folders of which only the page's own name is not known
    /// are `*`. Nothing where it leads out of the site.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut folders = vec!["*"; self.root.matches("../").count()];
        for part in path.split('/') {
            match part {
                "." => {}
                ".." => {
                    folders.pop()?;
                }
                part => folders.push(part),
            }
        }
        Some(folders.join("/"))
    }

    fn fault_of_asset(&self, path: &str) -> Option<String> {
        (!self.paths.contains(path)).then(|| self.no_asset(path))
    }

    fn fault_of_linked_asset(&self, path: &str) -> Option<String> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_lost = path.starts_with("assets/") || self.names.contains(name);
        (is_lost && !self.paths.contains(path)).then(|| self.no_asset(path))
    }

    fn no_asset(&self, path: &str) -> String {
        let name = path.rsplit('/').next().unwrap_or_default();
        let known = if self.names.contains(name) { name } else { "NAME" };
        format!(
            "leads to `{path}`, which is no asset: \
             write `{{{{ root }}}}{{{{ assets[\"{known}\"] }}}}`"
        )
    }
}

fn rooted(path: &str) -> String {
    format!("leads to `{path}` from the root of the host: begin it with `{{{{ root }}}}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_do() {
        for (address, expected) in [
            ("", Address::Nowhere),
            (" #x", Address::Fragment),
            ("//x.example/a", Address::Foreign),
            ("\\\\x.example/a", Address::Foreign),
            ("/\t/x.example/a", Address::Foreign),
            ("/\\x.example", Address::Foreign),
            ("ht\ntps://x.example", Address::Foreign),
            ("HTTP:x", Address::Foreign),
            (" java\tscript:x()", Address::Script),
            ("data:image/png;base64,x", Address::Data),
            ("/packages/?a#b", Address::Rooted("/packages/".to_owned())),
            ("../a.png?x", Address::Relative("../a.png".to_owned())),
            ("é:x", Address::Relative("é:x".to_owned())),
        ] {
            assert_eq!(Address::of(address), expected, "{address}");
        }
    }

    #[test]
    fn every_candidate_counts() {
        for (srcset, expected) in [
            ("a.png", &["a.png"][..]),
            ("a.png 1x, b.png 2x", &["a.png", "b.png"]),
            ("a.png, b.png,c.png 2x", &["a.png", "b.png,c.png"]),
            ("data:image/png;base64,xy 1x, b.png", &["data:image/png;base64,xy", "b.png"]),
            (" , ", &[]),
        ] {
            assert_eq!(candidates(srcset), expected, "{srcset}");
        }
    }
}
