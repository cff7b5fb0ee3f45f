//! How a store is reached: what the environment says, and what the settings say on top.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, HeaderValue, ObjectStore, RetryConfig,
    StaticCredentialProvider,
};
use url::{Host, Url};

use super::client::Connector;
use super::failure::{Trouble, innermost};
use super::listing::Refused;
use super::variables::Variables;
use crate::config::BucketSettings;
use crate::error::{Error, Result};
use crate::net::{Network, shown};
use crate::source::{BucketSpec, Provider};

/// A store, and what to say of it.
pub(crate) struct Server {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// The same, asked such that heads tell checksums.
    pub(crate) heads: Arc<dyn ObjectStore>,
    /// Where it is, without secrets.
    pub(crate) address: String,
    /// With what credentials it is asked; none where it is asked without.
    pub(crate) asks: Option<String>,
    /// For keys that `object_store` does not write; on S3 alone.
    pub(crate) raw: Option<super::raw::RawS3>,
}

/// Makes ready to reach a store. Nothing is asked for yet.
pub(crate) fn connect(
    spec: &BucketSpec,
    settings: &BucketSettings,
    network: &Network,
) -> Result<Server> {
    let variables = Variables::of_process();
    let wanted = Wanted { spec, settings, network, variables: &variables };
    match spec.provider {
        Provider::S3 => wanted.s3(),
        Provider::Gcs => wanted.gcs(),
        Provider::Azure => wanted.azure(),
    }
}

/// A bucket that is to be reached, and all that says how.
pub(super) struct Wanted<'a> {
    pub(super) spec: &'a BucketSpec,
    pub(super) settings: &'a BucketSettings,
    pub(super) network: &'a Network,
    pub(super) variables: &'a Variables,
}

impl Wanted<'_> {
    fn gcs(&self) -> Result<Server> {
        self.refuse_what_is_of_s3()?;
        let variables = self.variables;
        let mut builder = GoogleCloudStorageBuilder::new();
        if let Some(path) = variables.get("SERVICE_ACCOUNT") {
            builder = builder.with_service_account_path(path);
        }
        for (key, value) in variables.known::<GoogleConfigKey>("GOOGLE_", false) {
            builder = builder.with_config(key, value);
        }
        let base_url = builder.get_config_value(&GoogleConfigKey::BaseUrl);
        let endpoint = self.endpoint(base_url.as_deref(), "GOOGLE")?;
        if let Some(endpoint) = &endpoint {
            builder = builder.with_base_url(&without_slash(endpoint));
        }
        let asks = if self.settings.anonymous || variables.says_yes("GOOGLE_SKIP_SIGNATURE") {
            // Otherwise files with credentials would be read, and refused where they are odd.
            let nobody = GcpCredential { bearer: String::new() };
            let nobody = Arc::new(StaticCredentialProvider::new(nobody));
            builder = builder.with_skip_signature(true).with_credentials(nobody);
            None
        } else {
            Some(
                "what GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT, GOOGLE_BEARER_TOKEN, gcloud or this machine's role give",
            )
        };
        let store = builder
            .with_bucket_name(&self.spec.bucket)
            .with_retry(self.retries())
            .with_http_connector(Connector)
            .with_client_options(self.client_options("GOOGLE_", endpoint.as_ref()))
            .build()
            .map_err(|error| self.unusable(&error))?;
        let default = || "https://storage.googleapis.com".to_owned();
        Ok(Server::of_one(Arc::new(store), endpoint.as_ref().map_or_else(default, address), asks))
    }

    fn azure(&self) -> Result<Server> {
        self.refuse_what_is_of_s3()?;
        let variables = self.variables;
        let mut builder = MicrosoftAzureBuilder::new();
        // What Azure's own command line reads, and what its machines say.
        for (name, key) in [
            ("AZURE_STORAGE_ACCOUNT", AzureConfigKey::AccountName),
            ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
            ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
        ] {
            if let Some(value) = variables.get(name) {
                builder = builder.with_config(key, value);
            }
        }
        for (key, value) in variables.known::<AzureConfigKey>("AZURE_", false) {
            builder = builder.with_config(key, value);
        }
        let named = builder.get_config_value(&AzureConfigKey::Endpoint);
        let endpoint = self.endpoint(named.as_deref(), "AZURE")?;
        if let Some(endpoint) = &endpoint {
            builder = builder.with_endpoint(without_slash(endpoint));
        }
        let emulated = variables.says_yes("AZURE_STORAGE_USE_EMULATOR");
        let account = builder.get_config_value(&AzureConfigKey::AccountName);
        let account = match account.or_else(|| account_of(endpoint.as_ref()?)) {
            Some(account) => account,
            None if emulated => "devstoreaccount1".to_owned(),
            None => {
                return Err(Error::config_hint(
                    format!("`{}`: the storage account is not known", self.spec),
                    "set AZURE_STORAGE_ACCOUNT_NAME, or `endpoint: https://ACCOUNT.blob.core.windows.net` of the source",
                ));
            }
        };
        let asks = if self.settings.anonymous || variables.says_yes("AZURE_SKIP_SIGNATURE") {
            builder = builder.with_skip_signature(true);
            None
        } else {
            Some(
                "what AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, AZURE_CLIENT_ID and its like or this machine's identity give",
            )
        };
        let store = builder
            .with_account(&account)
            .with_container_name(&self.spec.bucket)
            .with_retry(self.retries())
            .with_http_connector(Connector)
            .with_client_options(self.client_options("AZURE_", endpoint.as_ref()))
            .build()
            .map_err(|error| self.unusable(&error))?;
        let default = || format!("https://{account}.blob.core.windows.net");
        Ok(Server::of_one(Arc::new(store), endpoint.as_ref().map_or_else(default, address), asks))
    }

    /// What does nothing is refused: whoever wrote it expects that it does something.
    fn refuse_what_is_of_s3(&self) -> Result<()> {
        let BucketSettings { region, path_style, profile, .. } = self.settings;
        let idle = [
            ("region", region.is_some()),
            ("path_style", path_style.is_some()),
            ("profile", profile.is_some()),
        ];
        match idle.iter().find(|(_, set)| *set) {
            None => Ok(()),
            Some((key, _)) => {
                let message = format!("`{}` has no use for `{key}`", self.spec);
                Err(Error::config_hint(message, "it is for `s3://`"))
            }
        }
    }

    /// The server, where it is not the provider's own. In the clear only where somebody says so.
    pub(super) fn endpoint(
        &self,
        from_environment: Option<&str>,
        prefix: &str,
    ) -> Result<Option<Url>> {
        if let Some(endpoint) = &self.settings.endpoint {
            return Ok(Some(endpoint.clone()));
        }
        let Some(text) = from_environment else { return Ok(None) };
        let wrong = |reason: &str| {
            Error::config_hint(
                format!("`{}`: the endpoint that the environment names {reason}", self.spec),
                "it looks like https://s3.example.com",
            )
        };
        let url: Url = text.parse().map_err(|error| wrong(&format!("is no URL: {error}")))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" if self.variables.says_yes(&format!("{prefix}_ALLOW_HTTP")) => {}
            "http" => {
                return Err(Error::config_hint(
                    format!("`{}`: `{}` is not https://", self.spec, shown(&url)),
                    format!("set {prefix}_ALLOW_HTTP=true if the way there is safe"),
                ));
            }
            _ => return Err(wrong("is not https:// or http://")),
        }
        Ok(Some(url))
    }

    pub(super) fn client_options(&self, prefix: &str, endpoint: Option<&Url>) -> ClientOptions {
        let mut options = ClientOptions::new();
        for (key, value) in self.variables.known::<ClientConfigKey>(prefix, true) {
            options = options.with_config(key, value);
        }
        if endpoint.is_some_and(|endpoint| endpoint.scheme() == "http") {
            options = options.with_allow_http(true);
        }
        let agent = HeaderValue::from_static(concat!("wheelsite/", env!("CARGO_PKG_VERSION")));
        options
            .with_user_agent(agent)
            // Counted from the first byte to the last, 30 seconds would cut large wheels off.
            .with_timeout_disabled()
            .with_connect_timeout(self.network.timeout)
            .with_read_timeout(self.network.timeout)
    }

    pub(super) fn retries(&self) -> RetryConfig {
        // A pause is chosen at random from a range, which must not be empty.
        let first = self.network.delay.max(Duration::from_millis(1));
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: first,
                max_backoff: first.max(Duration::from_secs(10)),
                base: 2.0,
            },
            max_retries: usize::try_from(self.network.retries).unwrap_or(usize::MAX),
            retry_timeout: self.network.max_wait,
        }
    }

    pub(super) fn unusable(&self, error: &object_store::Error) -> Error {
        let hint = match self.spec.provider {
            Provider::S3 => "check the AWS_ variables and the source's `endpoint`",
            Provider::Gcs => {
                "keys of service accounts and `gcloud auth application-default login` are read; for others set GOOGLE_BEARER_TOKEN=\"$(gcloud auth print-access-token)\""
            }
            Provider::Azure => "check the AZURE_ variables and the source's `endpoint`",
        };
        Error::config_hint(format!("`{}`: {}", self.spec, innermost(error)), hint)
    }
}

impl Server {
    /// A store that is asked for heads as for anything else.
    pub(super) fn of_one(
        objects: Arc<dyn ObjectStore>,
        address: String,
        asks: Option<&str>,
    ) -> Self {
        Self { heads: objects.clone(), objects, address, asks: asks.map(str::to_owned), raw: None }
    }

    /// Why a bucket could not be listed.
    pub(super) fn not_listed(&self, spec: &BucketSpec, error: &object_store::Error) -> Error {
        let trouble = Trouble::of(error);
        let message = format!("cannot list `{spec}` at `{}`: {trouble}", self.address);
        if let Some(refused) = Refused::within(error) {
            return Error::source_hint(message, refused.hint(spec.provider));
        }
        let text = trouble.to_string().to_ascii_lowercase();
        let region = ["redirect", "authorizationheadermalformed"];
        let hint = if region.iter().any(|sign| text.contains(sign)) {
            "say in which region the bucket is: `region` of the source, or AWS_REGION".to_owned()
        } else if matches!(error, object_store::Error::InvalidPath { .. }) {
            "such a key hides all others: rename the object, or name a prefix that is beside it"
                .to_owned()
        } else {
            match (trouble.status(), &self.asks) {
                (Some(404), _) => "check the bucket's name and the endpoint".to_owned(),
                (Some(400 | 401 | 403), None) => {
                    "it was asked without credentials: only with `anonymous: true` left out they are used"
                        .to_owned()
                }
                (Some(400 | 401 | 403), Some(asks)) => format!(
                    "it was asked with {asks}: check that, and that it may list the bucket; one that everybody may list takes `anonymous: true`"
                ),
                (_, Some(asks)) if trouble.is_of_role() => format!(
                    "it was to be asked with {asks}; a bucket that everybody may list takes `anonymous: true`"
                ),
                (Some(_), _) => "run again later, or check the endpoint".to_owned(),
                (None, _) => "check the endpoint and the network".to_owned(),
            }
        };
        Error::source_hint(message, hint)
    }
}

/// The account that an endpoint of Azure, or of its emulator, names.
fn account_of(endpoint: &Url) -> Option<String> {
    match endpoint.host()? {
        Host::Domain(host) if host.contains(".blob.") => host.split('.').next().map(str::to_owned),
        _ => endpoint.path_segments()?.find(|part| !part.is_empty()).map(str::to_owned),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(super) fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

pub(super) fn address(url: &Url) -> String {
    shown(url).trim_end_matches('/').to_owned()
}

/// Calls what takes a wanted bucket.
#[cfg(test)]
pub(super) fn wanted_of<T>(
    spec: &str,
    settings: &BucketSettings,
    variables: &Variables,
    call: impl FnOnce(&Wanted<'_>) -> T,
) -> T {
    let Ok(crate::source::SourceSpec::Bucket(spec)) = spec.parse() else { panic!("{spec}") };
    call(&Wanted { spec: &spec, settings, network: &Network::default(), variables })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn azure(settings: &BucketSettings, variables: &[(&str, &str)]) -> Result<Server> {
        wanted_of("az://c/p", settings, &Variables::of(variables), |wanted| wanted.azure())
    }

    #[test]
    fn the_account_is_named_or_stands_in_the_endpoint() {
        let plain = BucketSettings::default();
        let error = azure(&plain, &[]).err().expect("fails");
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().is_some_and(|hint| hint.contains("AZURE_STORAGE_ACCOUNT_NAME")));
        let named = azure(&plain, &[("AZURE_STORAGE_ACCOUNT", "acc")]).expect("is usable");
        assert_eq!(named.address, "https://acc.blob.core.windows.net");
        let account = |endpoint: &str| account_of(&endpoint.parse().expect("is a URL"));
        assert_eq!(account("https://acc.blob.core.windows.net/").as_deref(), Some("acc"));
        assert_eq!(account("http://127.0.0.1:10000/dev/").as_deref(), Some("dev"));
        assert_eq!(account("https://cdn.example.com/"), None);
    }

    #[test]
    fn what_is_of_s3_alone_is_refused_elsewhere() {
        let settings =
            BucketSettings { profile: Some("x".to_owned()), ..BucketSettings::default() };
        let error = azure(&settings, &[("AZURE_STORAGE_ACCOUNT", "acc")]).err().expect("fails");
        assert!(error.to_string().contains("no use for `profile`"), "{error}");
        let none = Variables::of(&[]);
        assert!(wanted_of("gs://b", &settings, &none, |wanted| wanted.gcs()).is_err());
        let open = BucketSettings { anonymous: true, ..BucketSettings::default() };
        let server = wanted_of("gs://b", &open, &none, |wanted| wanted.gcs()).expect("is usable");
        assert_eq!((&*server.address, server.asks), ("https://storage.googleapis.com", None));
    }

    #[test]
    fn large_files_are_not_cut_off() {
        let network = Network { delay: Duration::ZERO, ..Network::default() };
        let settings = BucketSettings::default();
        let variables = Variables::of(&[("AWS_TIMEOUT", "1s"), ("AWS_PROXY_URL", "http://proxy")]);
        wanted_of("s3://b", &settings, &variables, |wanted| {
            let wanted = Wanted { network: &network, ..*wanted };
            let options = wanted.client_options("AWS_", None);
            let value = |key| options.get_config_value(&key);
            assert_eq!(value(ClientConfigKey::Timeout), None);
            assert_eq!(value(ClientConfigKey::ReadTimeout).as_deref(), Some("30s"));
            assert_eq!(value(ClientConfigKey::ProxyUrl).as_deref(), Some("http://proxy"));
            let backoff = wanted.retries().backoff;
            assert!(backoff.init_backoff > Duration::ZERO);
            assert!(backoff.init_backoff < backoff.max_backoff);
        });
    }
}
