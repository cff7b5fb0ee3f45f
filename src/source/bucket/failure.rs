//! Why a store did not give what it was asked for, in one line and without secrets.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::Error as StoreError;

use crate::wheel::sanitized;

/// No more of what a server says is shown.
const MOST: usize = 300;

/// What is in the URLs at which machines of the clouds learn what they may do.
const ROLES: [&str; 4] =
    ["/latest/api/token", "/latest/meta-data/", "/computeMetadata/", "/metadata/identity/"];

/// Why a request to a store failed.
///
/// `object_store` puts what servers say into texts and keeps the types of its errors to
/// itself, and the texts around the innermost hold URLs and whole answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    status: Option<u16>,
    text: String,
    /// Whether asking again is of no use.
    lasting: bool,
    /// Whether the machine itself has no credentials.
    of_role: bool,
}

impl Trouble {
    pub(crate) fn of(error: &StoreError) -> Self {
        let chain = Chain::of(error);
        let (status, text) = chain.answer();
        if chain.of_role {
            // The status is not that of the store.
            let text = format!("this machine's role gives no credentials: {}", one_line(&text));
            return Self { status: None, text, lasting: true, of_role: true };
        }
        let status = status.or(match error {
            StoreError::NotFound { .. } => Some(404),
            StoreError::PermissionDenied { .. } => Some(403),
            StoreError::Unauthenticated { .. } => Some(401),
            _ => None,
        });
        let lasting = matches!(status, Some(400..=407 | 410..=416));
        Self { status, text: one_line(&text), lasting, of_role: false }
    }

    /// What the server answered, if it did.
    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the server gave all of an object instead of the range that was asked for.
    pub(crate) fn is_whole_file(&self) -> bool {
        self.text.contains("non-partial response")
    }

    /// Whether the machine itself has no credentials.
    pub(crate) fn is_of_role(&self) -> bool {
        self.of_role
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        let kind = if trouble.lasting { io::ErrorKind::InvalidData } else { io::ErrorKind::Other };
        Self::new(kind, trouble.text)
    }
}

/// What an error says at its heart: what is around it repeats URLs.
pub(crate) fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string())
}

/// What the errors in an error tell together.
#[derive(Default)]
struct Chain {
    innermost: String,
    timed_out: bool,
    is_no_listing: bool,
    of_role: bool,
}

impl Chain {
    fn of(error: &StoreError) -> Self {
        let mut chain = Self::default();
        let mut cause: &dyn StdError = error;
        loop {
            let text = cause.to_string();
            chain.timed_out |= cause.downcast_ref().is_some_and(reqwest::Error::is_timeout);
            chain.is_no_listing |= text.starts_with("Got invalid list response");
            chain.of_role |= ROLES.iter().any(|part| text.contains(part));
            let Some(inner) = cause.source() else {
                chain.innermost = text;
                return chain;
            };
            cause = inner;
        }
    }

    /// The status, and the reason.
    fn answer(&self) -> (Option<u16>, String) {
        let text = &*self.innermost;
        if self.is_no_listing {
            return (None, "its answer is no listing".to_owned());
        }
        if self.timed_out {
            return (None, "the server did not answer in time".to_owned());
        }
        if let Some(answered) = text.strip_prefix("Server returned non-2xx status code: ") {
            let (status, body) = answered.split_once(": ").unwrap_or((answered, ""));
            let number = status.get(..3).and_then(|digits| digits.parse().ok());
            let said = said(body).map(|said| format!(", {said}")).unwrap_or_default();
            return (number, format!("the server answered {}{said}", status.trim_end_matches(':')));
        }
        if let Some(body) = text.strip_prefix("Server returned error response: ") {
            let said = said(body).map(|said| format!(": {said}")).unwrap_or_default();
            return (None, format!("the server answered with an error{said}"));
        }
        (None, text.to_owned())
    }
}

/// Code and message of an answer: the rest of it may repeat what was signed, and with what.
fn said(body: &str) -> Option<String> {
    match (element(body, "Code"), element(body, "Message")) {
        // Azure adds lines that are about the request.
        (Some(code), Some(message)) => {
            Some(format!("{code}: {}", message.trim().lines().next().unwrap_or_default()))
        }
        (Some(said), None) | (None, Some(said)) => Some(said),
        (None, None) if body.trim().is_empty() || body.contains('<') => None,
        (None, None) => Some(body.to_owned()),
    }
}

pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut text = text.to_owned();
    for (entity, char) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, char);
    }
    (!text.trim().is_empty()).then_some(text)
}

pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        None => sanitized(&line),
        Some((end, _)) => format!("{}...", sanitized(&line[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(text: &str) -> Trouble {
        Trouble::of(&StoreError::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn answers_are_told_by_code_and_message_alone() {
        let body = "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code>\
            <Message>It doesn&apos;t match &lt;yours&gt;.\nRequestId:1</Message><AWSAccessKeyId>AKIA\
            </AWSAccessKeyId><StringToSign>secret</StringToSign></Error>";
        let told = trouble(&format!("Server returned non-2xx status code: 403 Forbidden: {body}"));
        assert_eq!(told.status(), Some(403));
        let expected = "the server answered 403 Forbidden, SignatureDoesNotMatch: \
            It doesn't match <yours>.";
        assert_eq!(told.to_string(), expected);
        assert_eq!(io::Error::from(told).kind(), io::ErrorKind::InvalidData);

        let page = "Server returned non-2xx status code: 502 Bad Gateway: <html>secret</html>";
        assert_eq!(trouble(page).to_string(), "the server answered 502 Bad Gateway");
        assert_eq!(io::Error::from(trouble(page)).kind(), io::ErrorKind::Other);
        let plain = "Server returned non-2xx status code: 400 Bad Request: {\"error\":\"x\"}";
        assert_eq!(
            trouble(plain).to_string(),
            "the server answered 400 Bad Request, {\"error\":\"x\"}"
        );
        let none = "Server returned non-2xx status code: 403 Forbidden: ";
        assert_eq!(trouble(none).to_string(), "the server answered 403 Forbidden");
    }

    #[test]
    fn a_machine_without_a_role_is_told_from_a_store_that_refuses() {
        let refused = io::Error::other(
            "Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP error",
        );
        let told = Trouble::of(&StoreError::Generic { store: "S3", source: refused.into() });
        assert!(told.is_of_role() && told.status().is_none());
        assert!(!trouble("Connection refused").is_of_role());
        let missing = StoreError::NotFound { path: "x".to_owned(), source: "gone".into() };
        assert_eq!(Trouble::of(&missing).status(), Some(404));
    }

    #[test]
    fn no_text_is_long_or_plays_tricks() {
        let told = trouble(&format!("a\u{1b}[2J\n\tb{}", " x".repeat(1000))).to_string();
        assert!(told.starts_with("a\\u{1b}[2J b x x") && told.len() < 320, "{told}");
    }
}
