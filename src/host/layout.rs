//! What of a site decides the files that its host reads.

use super::limits::Unfit;

/// The address of a site on its host, and the indexes that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The path that it is served below: begins and ends with a slash.
    base: String,
    /// The folders that indexes lie in: empty for `simple/`, `cu128/` for `cu128/simple/`.
    indexes: Vec<String>,
    /// Whether the site has a page for what is not there.
    has_not_found: bool,
}

impl Layout {
    /// Of a site that is served below this path.
    pub fn new(base: &str, mut indexes: Vec<String>, has_not_found: bool) -> Self {
        indexes.sort();
        let base = if base.ends_with('/') { base.to_owned() } else { format!("{base}/") };
        Self { base, indexes, has_not_found }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn indexes(&self) -> &[String] {
        &self.indexes
    }

    pub(super) fn has_not_found(&self) -> bool {
        self.has_not_found
    }

    /// A configuration with the path filled in: as `{{base}}`, without its last slash (`{{bare}}`),
    /// and as a regular expression (`{{pattern}}`).
    ///
    /// What would have to be quoted, each time otherwise, is refused.
    pub(super) fn fill(&self, template: &str) -> Result<String, Unfit> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if !self.base.bytes().all(is_plain) {
            return Err(Unfit {
                message: format!(
                    "`site_url` has the path `{}`, and a server is configured for letters, digits \
                        and `-._~` only",
                    self.base
                ),
                hint: "serve the site below another path".to_owned(),
            });
        }
        let pattern = self.base.replace('.', r"\.");
        let text = template.replace("{{base}}", &self.base).replace("{{pattern}}", &pattern);
        Ok(text.replace("{{bare}}", self.base.trim_end_matches('/')))
    }
}
