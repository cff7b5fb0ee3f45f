//! A plain client, for tests that ask the stand-in themselves.

use std::time::Duration;

use reqwest::blocking::{Client, Response};
use serde_json::Value;

/// One that follows no redirects.
pub(crate) fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
        .expect("makes a client")
}

pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client().request(method.parse().expect("is a method"), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().expect("is answered")
}

pub(crate) fn json(response: Response) -> Value {
    let text = response.text().expect("is text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A header, empty where there is none.
pub(crate) fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("is text"))
}
