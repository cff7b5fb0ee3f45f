//! How S3 is reached, and whatever speaks its protocol.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use url::{Host, Url};

use super::checksum::asking;
use super::client::Connector;
use super::connect::{Server, Wanted, address, without_slash};
use super::profile::{DEFAULT, Keys, Profile};
use super::raw::RawS3;
use crate::error::{Error, Result};

/// Why nothing better is at hand.
const NOWHERE: &str =
    "for there is no AWS_ACCESS_KEY_ID, no AWS_PROFILE and no default profile in ~/.aws";

impl Wanted<'_> {
    pub(super) fn s3(&self) -> Result<Server> {
        let (settings, variables) = (self.settings, self.variables);
        let named = settings.profile.as_deref().or_else(|| variables.get("AWS_PROFILE"));
        let profile = Profile::read(named.unwrap_or(DEFAULT), variables)?;
        let anonymous = settings.anonymous || variables.says_yes("AWS_SKIP_SIGNATURE");
        let (keys, asks) = if anonymous {
            (None, None)
        } else {
            let (keys, asks) = self.who_asks(&profile)?;
            (keys, Some(asks))
        };
        let mut builder = AmazonS3Builder::new();
        for (key, value) in variables.known("AWS_", false) {
            let is_key = matches!(
                key,
                AmazonS3ConfigKey::AccessKeyId
                    | AmazonS3ConfigKey::SecretAccessKey
                    | AmazonS3ConfigKey::Token
            );
            // A key of one place and a token of another do not go together.
            if !is_key || keys.is_none() {
                builder = builder.with_config(key, value);
            }
        }
        let set = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
        let region = settings
            .region
            .clone()
            .or_else(|| set(AmazonS3ConfigKey::Region))
            .or_else(|| profile.get("region").map(str::to_owned));
        let from_environment = set(AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| set(AmazonS3ConfigKey::Endpoint))
            .or_else(|| profile.get("endpoint_url").map(str::to_owned));
        let endpoint = self.endpoint(from_environment.as_deref(), "AWS")?;
        let region = region.unwrap_or_else(|| default_region(endpoint.as_ref()).to_owned());

        if let Some(Keys { id, secret, token }) = keys {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret.reveal());
            if let Some(token) = token {
                builder = builder.with_token(token.reveal());
            }
        }
        if anonymous {
            builder = builder.with_skip_signature(true);
        }
        if let Some(endpoint) = &endpoint {
            let endpoint = self.with_bucket_in_place(endpoint)?;
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        if let Some(path_style) = settings.path_style {
            builder = builder.with_virtual_hosted_style_request(!path_style);
        }
        let options = self.client_options("AWS_", endpoint.as_ref());
        builder = builder
            .with_bucket_name(&self.spec.bucket)
            .with_region(&region)
            .with_retry(self.retries())
            .with_http_connector(Connector)
            .with_client_options(options.clone());
        let objects = builder.clone().build().map_err(|error| self.unusable(&error))?;
        let plain_options = options.clone();
        // Both share what takes a request to get.
        let heads = builder
            .with_credentials(objects.credentials().clone())
            .with_client_options(options.with_default_headers(asking()))
            .build()
            .map_err(|error| self.unusable(&error))?;
        let address =
            endpoint.as_ref().map_or_else(|| format!("https://s3.{region}.amazonaws.com"), address);
        let objects = Arc::new(objects);
        let raw = RawS3::new(objects.clone(), &region, plain_options, !anonymous);
        Ok(Server { objects, heads: Arc::new(heads), address, asks, raw: Some(raw) })
    }

    /// The credentials of the profile where they are the ones to use, and whose they are.
    fn who_asks(&self, profile: &Profile) -> Result<(Option<Keys>, String)> {
        let named = self.settings.profile.as_deref();
        let from_environment = [
            ("AWS_ACCESS_KEY_ID", "the key of"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "the web identity of"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "the role of"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "the role of"),
        ];
        let is_set = |(name, _): &&(&str, _)| self.variables.get(name).is_some();
        if let Some((name, what)) = from_environment.iter().find(is_set).filter(|_| named.is_none())
        {
            return Ok((None, format!("{what} {name}")));
        }
        let name = named.or_else(|| self.variables.get("AWS_PROFILE"));
        match (profile.keys()?, name) {
            (Some(keys), name) => {
                let name = name.unwrap_or(DEFAULT);
                Ok((Some(keys), format!("the credentials of the profile `{name}`")))
            }
            (None, Some(name)) => Err(Error::config_hint(
                format!(
                    "the profile `{name}` has no `aws_access_key_id` and `aws_secret_access_key`"
                ),
                "they belong into ~/.aws/credentials; a bucket that everybody may read takes `anonymous: true`",
            )),
            (None, None) if self.variables.says_yes("AWS_EC2_METADATA_DISABLED") => {
                Err(Error::config_hint(
                    format!("`{}`: there are no credentials, {NOWHERE}", self.spec),
                    "a bucket that everybody may read takes `anonymous: true`",
                ))
            }
            (None, None) => Ok((None, format!("the role of this machine, {NOWHERE}"))),
        }
    }

    /// `object_store` puts the bucket into the path, and into the host not at all.
    fn with_bucket_in_place(&self, endpoint: &Url) -> Result<String> {
        let mut endpoint = endpoint.clone();
        if self.settings.path_style == Some(false) {
            let host = match endpoint.host() {
                Some(Host::Domain(host)) => format!("{}.{host}", self.spec.bucket),
                _ => {
                    return Err(Error::config_hint(
                        format!(
                            "`{}`: an address of numbers has no room for the bucket",
                            self.spec
                        ),
                        "set `path_style: true`",
                    ));
                }
            };
            let placed = endpoint.set_host(Some(&host));
            placed
                .map_err(|error| Error::config(format!("`{}`: `endpoint`: {error}", self.spec)))?;
        }
        Ok(without_slash(&endpoint))
    }
}

/// R2 has but one region.
fn default_region(endpoint: Option<&Url>) -> &'static str {
    let is_r2 = endpoint
        .and_then(|endpoint| endpoint.host_str())
        .is_some_and(|host| host.ends_with(".r2.cloudflarestorage.com"));
    if is_r2 { "auto" } else { "us-east-1" }
}

#[cfg(test)]
mod tests {
    use super::super::connect::wanted_of;
    use super::super::variables::Variables;
    use super::*;
    use crate::config::BucketSettings;

    const FILES: &str = "[default]\naws_access_key_id = D\naws_secret_access_key = d\n\
        region = eu-west-1\n[work]\naws_access_key_id = W\naws_secret_access_key = w\n\
        [empty]\nregion = eu-west-2\n[sso]\nsso_session = corp\n";

    /// What of it is told, where files and variables are these.
    fn s3(settings: &BucketSettings, variables: &[(&str, &str)]) -> Result<Server> {
        let folder = tempfile::tempdir().expect("makes a folder");
        let file = folder.path().join("credentials");
        std::fs::write(&file, FILES).expect("writes");
        let mut all = vec![
            ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().expect("is UTF-8")),
            ("AWS_CONFIG_FILE", "/dev/null"),
        ];
        all.extend(variables);
        wanted_of("s3://b/p", settings, &Variables::of(&all), |wanted| wanted.s3())
    }

    fn told(settings: &BucketSettings, variables: &[(&str, &str)]) -> (String, String) {
        let server = s3(settings, variables).expect("is usable");
        (server.address, server.asks.unwrap_or_default())
    }

    #[test]
    fn what_is_said_nearer_counts_more() {
        let plain = BucketSettings::default();
        let (address, asks) = told(&plain, &[]);
        assert_eq!(address, "https://s3.eu-west-1.amazonaws.com");
        assert!(asks.contains("profile `default`"), "{asks}");
        let key = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "a")];
        let mut variables = vec![("AWS_DEFAULT_REGION", "r1"), ("AWS_PROFILE", "sso")];
        variables.extend(key);
        let (address, asks) = told(&plain, &variables);
        assert_eq!(address, "https://s3.r1.amazonaws.com");
        assert!(asks.contains("AWS_ACCESS_KEY_ID"), "{asks}");
        let mut all = BucketSettings {
            region: Some("r2".to_owned()),
            profile: Some("work".to_owned()),
            ..plain
        };
        let (address, asks) = told(&all, &variables);
        assert_eq!(address, "https://s3.r2.amazonaws.com");
        assert!(asks.contains("profile `work`"), "{asks}");
        all.anonymous = true;
        all.endpoint = Some("http://files.example.com:9000/x/".parse().expect("is a URL"));
        variables.push(("AWS_ENDPOINT_URL_S3", "https://other.example.com"));
        let (address, asks) = told(&all, &variables);
        assert_eq!(address, "http://files.example.com:9000/x");
        assert_eq!(asks, "");
        let skips = [("AWS_SKIP_SIGNATURE", "true"), ("AWS_PROFILE", "sso")];
        assert_eq!(told(&BucketSettings::default(), &skips).1, "");
    }

    #[test]
    fn endpoints_in_the_clear_are_asked_only_where_that_is_wanted() {
        let plain = BucketSettings::default();
        let at = |url: &'static str| ("AWS_ENDPOINT_URL", url);
        assert_eq!(told(&plain, &[at("http://127.0.0.1:9/")]).0, "http://127.0.0.1:9");
        let far = at("http://user:pass@files.example.com");
        let error = s3(&plain, &[far]).err().expect("fails");
        assert_eq!(error.exit_code(), 2);
        assert!(!error.to_string().contains("pass"), "{error}");
        let allowed = told(&plain, &[far, ("AWS_ALLOW_HTTP", "true")]);
        assert_eq!(allowed.0, "http://files.example.com");
        assert!(s3(&plain, &[at("ftp://x")]).is_err());
        assert!(s3(&plain, &[at("nonsense")]).is_err());
        // CI sets secrets that do not exist to nothing.
        assert_eq!(told(&plain, &[at("")]).0, "https://s3.eu-west-1.amazonaws.com");
    }

    #[test]
    fn profiles_that_cannot_be_used_are_told() {
        let profile = |name: &str| {
            let profile = Some(name.to_owned());
            s3(&BucketSettings { profile, ..BucketSettings::default() }, &[]).err()
        };
        assert!(profile("work").is_none());
        for (name, text) in [("empty", "aws_access_key_id"), ("sso", "sso_session"), ("no", "`no`")]
        {
            let error = profile(name).expect(name);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_machine_that_has_no_role_is_not_asked_for_it() {
        let nothing =
            [("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"), ("AWS_EC2_METADATA_DISABLED", "true")];
        let error = s3(&BucketSettings::default(), &nothing).err().expect("fails");
        assert!(error.to_string().contains("no AWS_ACCESS_KEY_ID"), "{error}");
        let (_, asks) = told(&BucketSettings::default(), &nothing[..1]);
        assert!(asks.contains("role"), "{asks}");
    }

    #[test]
    fn the_bucket_goes_into_the_path_or_the_host() {
        let settings = BucketSettings { path_style: Some(false), ..BucketSettings::default() };
        let spec = "s3://my-b";
        let placed = |endpoint: &str| {
            let endpoint = endpoint.parse().expect("is a URL");
            wanted_of(spec, &settings, &Variables::of(&[]), |wanted| {
                wanted.with_bucket_in_place(&endpoint)
            })
        };
        assert_eq!(placed("https://host/x/").expect("has room"), "https://my-b.host/x");
        assert!(placed("http://127.0.0.1:9000").is_err());
    }

    #[test]
    fn r2_has_but_one_region() {
        let region =
            |endpoint: &str| default_region(Some(&endpoint.parse().expect("is a URL"))).to_owned();
        assert_eq!(region("https://account.eu.r2.cloudflarestorage.com"), "auto");
        assert_eq!(region("https://r2.cloudflarestorage.com.example.com"), "us-east-1");
    }
}
