//! The files in which AWS programs keep credentials: `~/.aws/credentials`, `~/.aws/config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::variables::Variables;
use crate::config::Secret;
use crate::error::{Error, Result};

/// The profile that is used where none is named.
pub(super) const DEFAULT: &str = "default";

/// What a profile says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    name: String,
    values: BTreeMap<String, String>,
}

/// Credentials that are written down.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
}

impl Profile {
    /// Reads a profile. The default one may well not be there.
    pub(super) fn read(name: &str, variables: &Variables) -> Result<Self> {
        let home = std::env::home_dir().map(|home| home.join(".aws"));
        let text = |variable: &str, file: &str| {
            let named = variables.get(variable).map(PathBuf::from);
            let path = named.or_else(|| Some(home.as_ref()?.join(file)));
            let bytes = path.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let credentials = text("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = text("AWS_CONFIG_FILE", "config");
        Self::find(name, profiles(&credentials, &config))
    }

    fn find(name: &str, mut profiles: BTreeMap<String, BTreeMap<String, String>>) -> Result<Self> {
        match profiles.remove(name) {
            Some(values) => Ok(Self { name: name.to_owned(), values }),
            None if name == DEFAULT => Ok(Self { name: name.to_owned(), ..Self::default() }),
            None => {
                let names: Vec<_> = profiles.keys().map(|name| format!("`{name}`")).collect();
                let hint = if names.is_empty() {
                    "`aws configure --profile NAME` makes one".to_owned()
                } else {
                    format!("there are {}", names.join(", "))
                };
                Err(Error::config_hint(
                    format!("~/.aws/credentials and ~/.aws/config have no profile `{name}`"),
                    hint,
                ))
            }
        }
    }

    /// A value that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Its credentials, if they are written down; an error if another program has to get them.
    pub(super) fn keys(&self) -> Result<Option<Keys>> {
        let secret = |key: &str| self.get(key).map(|value| Secret::from(value.to_owned()));
        let keys = match (self.get("aws_access_key_id"), secret("aws_secret_access_key")) {
            (Some(id), Some(secret_key)) => Some(Keys {
                id: id.to_owned(),
                secret: secret_key,
                token: secret("aws_session_token"),
            }),
            _ => None,
        };
        // What comes first here comes first for AWS programs too.
        let elsewhere = ["role_arn", "sso_session", "sso_start_url", "credential_process"];
        let elsewhere = elsewhere.into_iter().find(|key| {
            self.get(key).is_some() && (*key != "credential_process" || keys.is_none())
        });
        match elsewhere {
            None => Ok(keys),
            Some(key) => Err(Error::config_hint(
                format!(
                    "the profile `{}` gets its credentials by `{key}`, which takes the AWS command line",
                    self.name
                ),
                format!(
                    "export them first: eval \"$(aws configure export-credentials --profile {} --format env)\"",
                    self.name
                ),
            )),
        }
    }
}

/// All profiles of both files; what stands in the file of credentials counts more.
fn profiles(credentials: &str, config: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (section, key, value) in entries(config) {
        // Other sections are about other things.
        let name = match section.strip_prefix("profile") {
            Some(name) if name.starts_with([' ', '\t']) => name.trim().trim_matches('"'),
            _ if section == DEFAULT => DEFAULT,
            _ => continue,
        };
        profiles.entry(name.to_owned()).or_default().insert(key, value);
    }
    for (section, key, value) in entries(credentials) {
        profiles.entry(section.to_owned()).or_default().insert(key, value);
    }
    profiles
}

/// Section, key and value of each line that has one. Lines that are set in belong to the key
/// before them, and none of those keys is of use here.
fn entries(text: &str) -> impl Iterator<Item = (&str, String, String)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        if line.starts_with([' ', '\t', '#', ';']) {
            return None;
        }
        if let Some(rest) = line.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or_default().trim();
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let comment = value.match_indices(['#', ';']).map(|(at, _)| at);
        let comment = comment.into_iter().find(|at| value[..*at].ends_with([' ', '\t']));
        let value = &value[..comment.unwrap_or(value.len())];
        Some((section, key.trim().to_ascii_lowercase(), value.trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = A\n\
        aws_secret_access_key=b/c+d==\t; a comment\n\n[work]\nAWS_ACCESS_KEY_ID=W\n\
        aws_secret_access_key = w#w\naws_session_token = t\n[half]\naws_access_key_id = H\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile work]\n\
        region=auto\nendpoint_url = https://r2\ns3 =\n  endpoint_url = https://other\n\
        [profile \"two words\"]\nregion = x\n[profile sso]\nsso_session = corp\n\
        [profile role]\nrole_arn = arn\nsource_profile = work\n[profile tool]\n\
        credential_process = /bin/x\n[sso-session corp]\nregion = nowhere\n\
        [services work]\nregion = nowhere\n";

    fn find(name: &str) -> Result<Profile> {
        Profile::find(name, profiles(CREDENTIALS, CONFIG))
    }

    fn keys(name: &str) -> Result<Option<Keys>> {
        find(name).expect("exists").keys()
    }

    #[test]
    fn both_files_make_a_profile() {
        let secret = |text: &str| Secret::from(text.to_owned());
        let default = Keys { id: "A".to_owned(), secret: secret("b/c+d=="), token: None };
        assert_eq!(keys(DEFAULT).expect("has keys"), Some(default));
        let token = Some(secret("t"));
        let work = Keys { id: "W".to_owned(), secret: secret("w#w"), token };
        assert_eq!(keys("work").expect("has keys"), Some(work));
        assert_eq!(keys("half").expect("says nothing wrong"), None);
        assert_eq!(find("work").expect("exists").get("endpoint_url"), Some("https://r2"));
        assert_eq!(find("two words").expect("exists").get("region"), Some("x"));
        assert_eq!(find(DEFAULT).expect("exists").get("region"), Some("eu-west-1"));
    }

    #[test]
    fn what_takes_another_program_is_said() {
        for (name, key) in
            [("sso", "sso_session"), ("role", "role_arn"), ("tool", "credential_process")]
        {
            let error = keys(name).expect_err(name);
            assert!(error.to_string().contains(key), "{error}");
            let hint = error.hint().expect("has a hint");
            let command = format!("export-credentials --profile {name} --format env");
            assert!(hint.contains(&command), "{hint}");
        }
    }

    #[test]
    fn an_unknown_profile_is_told_with_those_that_exist() {
        let error = find("nope").expect_err("fails");
        assert_eq!(error.exit_code(), 2);
        let hint = error.hint().expect("has a hint");
        assert!(hint.contains("`default`, `half`, `role`, `sso`, `tool`, `two words`"), "{hint}");
        assert!(!hint.contains("corp"), "{hint}");
        let none = Profile::find("nope", BTreeMap::new()).expect_err("fails");
        assert!(none.hint().is_some_and(|hint| hint.contains("aws configure")));
        assert!(Profile::find(DEFAULT, BTreeMap::new()).is_ok());
    }

    proptest! {
        #[test]
        fn foreign_files_never_panic(credentials in "(?s).*", config in "[\\[\\]a =\n\t#\"]*") {
            for (name, values) in profiles(&credentials, &config) {
                let _ = Profile { name, values }.keys();
            }
        }

        #[test]
        fn values_come_back(name in "[a-z][a-z0-9-]{0,9}", value in "[A-Za-z0-9/+=]{1,40}") {
            let text = format!("[{name}]\nKey = {value}\n");
            let found = profiles(&text, "");
            prop_assert_eq!(&found[&name]["key"], &value);
            let found = profiles("", &format!("[profile {name}]\nkey={value}"));
            prop_assert_eq!(&found[&name]["key"], &value);
        }
    }
}
