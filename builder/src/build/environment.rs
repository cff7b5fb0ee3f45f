//! What a container is told of this machine's network: indexes, proxies and certificates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::engine::Mount;
use crate::engine::text::Secrets;

/// Variables of the caller that are handed on, as they are.
const HANDED: [&str; 17] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_PROXY",
    "PIP_TIMEOUT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "UV_PYTHON_INSTALL_MIRROR",
    "UV_INDEX_URL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Those that name a file of certificates; the first that is there counts.
const CERTIFICATES: [&str; 4] =
    ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"];
/// Where containers see it.
const CERTIFICATE_TARGET: &str = "/wheelsite/certificates.pem";
/// What is told of it there.
const CERTIFICATE_READERS: [&str; 5] =
    ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"];

/// Where pip looks for distributions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Variables with their values, which may be secret.
    variables: BTreeMap<String, String>,
    /// The file of certificates.
    certificates: Option<PathBuf>,
}

impl Network {
    /// What the caller's environment says.
    pub fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let all: BTreeMap<String, String> =
            variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut handed: BTreeMap<String, String> = HANDED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), all.get(*name)?.clone())))
            .collect();
        // Folders of this machine are not there in a container.
        let links = all.get("PIP_FIND_LINKS").map(|links| {
            links.split_whitespace().filter(|it| it.contains("://")).collect::<Vec<_>>().join(" ")
        });
        if let Some(links) = links.filter(|links| !links.is_empty()) {
            handed.insert("PIP_FIND_LINKS".to_owned(), links);
        }
        let certificates = CERTIFICATES.iter().filter_map(|name| all.get(*name));
        let certificates = certificates.map(PathBuf::from).find(|path| path.is_file());
        Self { variables: handed, certificates }
    }

    /// With what the command line says: the index instead of the caller's, others and hosts besides.
    #[must_use]
    pub fn with(
        mut self,
        index_url: Option<&str>,
        extra_index_urls: &[String],
        trusted_hosts: &[String],
    ) -> Self {
        if let Some(url) = index_url {
            self.variables.insert("PIP_INDEX_URL".to_owned(), url.to_owned());
        }
        self.add("PIP_EXTRA_INDEX_URL", extra_index_urls);
        self.add("PIP_TRUSTED_HOST", trusted_hosts);
        self
    }

    fn add(&mut self, name: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let there = self.variables.entry(name.to_owned()).or_default();
        for value in values {
            if !there.split_whitespace().any(|it| it == value) {
                format!("{there} {value}").trim_start().clone_into(there);
            }
        }
    }

    /// Variables for a row whose recipe names further indexes.
    pub(super) fn variables(&self, extra_index_urls: &[String]) -> BTreeMap<String, String> {
        let mut network = self.clone();
        network.add("PIP_EXTRA_INDEX_URL", extra_index_urls);
        if self.certificates.is_some() {
            for name in CERTIFICATE_READERS {
                network.variables.insert(name.to_owned(), CERTIFICATE_TARGET.to_owned());
            }
        }
        network.variables
    }

    /// What is mounted for them. The file may be a link, whose target is what is there.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let path = self.certificates.iter().filter_map(|path| std::fs::canonicalize(path).ok());
        path.map(|path| Mount::read(path, CERTIFICATE_TARGET)).collect()
    }

    /// What must not be shown.
    pub(super) fn secrets(&self, extra_index_urls: &[String]) -> Secrets {
        let values = self.variables.values().chain(extra_index_urls).map(String::as_str);
        Secrets::of_urls(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Network {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Network::of_environment(variables.iter().map(owned))
    }

    #[test]
    fn only_what_names_the_network_is_handed_on() {
        let network = of(&[
            ("PIP_INDEX_URL", "https://me:hunter2@host/simple"),
            ("PIP_FIND_LINKS", "/opt/wheels https://host/links"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("PIP_TARGET", "/x"),
            ("https_proxy", ""),
        ]);
        let handed = network.variables(&["https://cu/".into()]);
        let handed: Vec<_> = handed.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            handed,
            [
                ("PIP_EXTRA_INDEX_URL", "https://cu/"),
                ("PIP_FIND_LINKS", "https://host/links"),
                ("PIP_INDEX_URL", "https://me:hunter2@host/simple"),
            ]
        );
        assert_eq!(network.secrets(&[]).hidden("hunter2"), "****");
    }

    #[test]
    fn the_command_line_replaces_the_index_and_adds_others() {
        let network = of(&[("PIP_INDEX_URL", "https://a/"), ("PIP_EXTRA_INDEX_URL", "https://b/")]);
        let more = ["https://b/".into(), "https://c/".into()];
        let handed = network.with(Some("https://d/"), &more, &["h".into()]).variables(&[]);
        assert_eq!(handed["PIP_INDEX_URL"], "https://d/");
        assert_eq!(handed["PIP_EXTRA_INDEX_URL"], "https://b/ https://c/");
        assert_eq!(handed["PIP_TRUSTED_HOST"], "h");
    }

    #[test]
    fn certificates_are_seen_where_they_are_mounted() {
        let file = tempfile::NamedTempFile::new().expect("is made");
        let path = file.path().to_str().expect("is UTF-8");
        let network = of(&[("PIP_CERT", "/not/there"), ("SSL_CERT_FILE", path)]);
        assert_eq!(network.variables(&[])["PIP_CERT"], CERTIFICATE_TARGET);
        assert_eq!(network.mounts().len(), 1);
        assert!(of(&[("PIP_CERT", "/not/there")]).mounts().is_empty());
    }
}
