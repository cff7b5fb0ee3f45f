//! Whether a listing is whole.
//!
//! `object_store` asks for another page where an answer names one, and takes the listing for
//! whole where it does not. A server that speaks the protocol by half would then make a
//! shorter index, or one that never comes to an end. So pages are looked at before it sees them.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use url::Url;

use super::failure::one_line;
use crate::net::shown;
use crate::source::Provider;

/// No bucket that makes sense for an index has more: a page names a thousand objects.
const MAX_PAGES: usize = 10_000;

/// Why a listing is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is more, and no way to ask for it.
    CutShort,
    /// A page leads to one that was there before.
    Circle,
    /// It does not come to an end.
    TooLong,
    /// It is something else.
    NoListing,
    /// A page has more bytes than this.
    TooLarge(usize),
    /// The bucket is elsewhere.
    Moved {
        /// As the server puts it: status and reason.
        status: String,
        /// To where the server points, without secrets.
        place: Option<String>,
        /// The bucket's region, where the server names it.
        region: Option<String>,
    },
}

impl Refused {
    /// The one that an error of `object_store` was made from.
    pub(super) fn within(error: &object_store::Error) -> Option<&Self> {
        let mut cause: &dyn StdError = error;
        loop {
            if let Some(refused) = cause.downcast_ref() {
                return Some(refused);
            }
            cause = cause.source()?;
        }
    }

    pub(super) fn moved(status: String, place: Option<&Url>, region: Option<&str>) -> Self {
        let place = place.map(|url| {
            // Where in the bucket the listing is says nothing.
            let place = url.join("/").as_ref().map_or_else(|_| shown(url), shown);
            place.trim_end_matches('/').to_owned()
        });
        Self::Moved { status, place, region: region.map(one_line) }
    }

    /// What to do about it.
    pub(super) fn hint(&self, provider: Provider) -> String {
        match (self, provider) {
            (Self::CutShort, _) => {
                "the server does not know version 2 of the listing (`list-type=2`): upgrade it, or name prefixes below which fewer objects lie than one page has".to_owned()
            }
            (Self::Circle, _) => {
                "the server does not heed the token that it gave for the next page: upgrade it, or name prefixes below which fewer objects lie than one page has".to_owned()
            }
            (Self::TooLong | Self::TooLarge(_), _) => {
                "name a longer prefix, or several: each is a source of its own".to_owned()
            }
            (Self::NoListing, _) => "check the endpoint, and whether the server is up".to_owned(),
            (Self::Moved { region: Some(region), .. }, Provider::S3) => {
                format!("say where the bucket is: `region: {region}` of the source, or AWS_REGION={region}; where an `endpoint` is set, it is to be the one of that region")
            }
            (Self::Moved { .. }, Provider::S3) => {
                "say where the bucket is: `region` of the source or AWS_REGION, or `endpoint` if the server has another address".to_owned()
            }
            (Self::Moved { .. }, _) => {
                "credentials are sent to no other server: set `endpoint` of the source to the address that the server has".to_owned()
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str(
                "the server says that there is more than this page, and not how to ask for it",
            ),
            Self::Circle => f.write_str("the server names a page that was there already"),
            Self::TooLong => write!(f, "the listing has more than {MAX_PAGES} pages"),
            Self::NoListing => f.write_str("its answer is no listing"),
            Self::TooLarge(most) => write!(f, "a page of the listing has more than {most} bytes"),
            Self::Moved { status, place, region } => {
                write!(f, "the server answered {status}")?;
                if let Some(place) = place {
                    write!(f, ", which points to `{place}`")?;
                }
                if let Some(region) = region {
                    write!(f, ", for the bucket is in the region `{region}`")?;
                }
                Ok(())
            }
        }
    }
}

impl StdError for Refused {}

/// Which page of which kind of listing a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// S3, and Google in its manner.
    S3 {
        is_first: bool,
    },
    Azure {
        is_first: bool,
    },
}

impl Question {
    /// None where a request is for no listing.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let has = |name: &str, wanted: Option<&str>| {
            let is = |value: &str| wanted.is_none_or(|wanted| wanted == value);
            url.query_pairs().any(|(found, value)| found == name && is(&value))
        };
        if has("list-type", Some("2")) {
            return Some(Self::S3 { is_first: !has("continuation-token", None) });
        }
        let is_azure = has("restype", Some("container")) && has("comp", Some("list"));
        is_azure.then(|| Self::Azure { is_first: !has("marker", None) })
    }
}

/// What the pages so far have led to. The listings of one client come one after the other.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<HashSet<String>>);

impl Pages {
    /// Looks at a page before anything believes it.
    pub(super) fn check(&self, question: &Question, page: &[u8]) -> Result<(), Refused> {
        let page = String::from_utf8_lossy(page);
        let (root, token, is_first) = match question {
            Question::S3 { is_first } => ("ListBucketResult", "NextContinuationToken", is_first),
            Question::Azure { is_first } => ("EnumerationResults", "NextMarker", is_first),
        };
        // Whatever else is well-formed would be taken for a listing of nothing.
        if text_of(&page, root).is_none() {
            return Err(Refused::NoListing);
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_first {
            seen.clear();
        }
        match text_of(&page, token).filter(|token| !token.is_empty()) {
            Some(_) if seen.len() + 1 >= MAX_PAGES => Err(Refused::TooLong),
            Some(token) if !seen.insert(token.to_owned()) => Err(Refused::Circle),
            None if text_of(&page, "IsTruncated").is_some_and(is_yes) => Err(Refused::CutShort),
            _ => Ok(()),
        }
    }
}

fn is_yes(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text == "1"
}

/// What the first element of a name begins with: all of it, where that is text.
fn text_of<'x>(xml: &'x str, wanted: &str) -> Option<&'x str> {
    xml.split('<').skip(1).find_map(|tag| {
        let (head, text) = tag.split_once('>')?;
        let name = head.split(|char: char| char.is_whitespace() || char == '/').next()?;
        let name = name.rsplit(':').next()?;
        (name == wanted).then(|| text.trim())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Question = Question::S3 { is_first: true };
    const NEXT: Question = Question::S3 { is_first: false };

    fn page(rest: &str) -> Vec<u8> {
        format!("<?xml version='1.0'?>\n<ListBucketResult xmlns='x'><Contents><Key>&lt;IsTruncated>true</Key></Contents>{rest}</ListBucketResult>").into()
    }

    fn leads_to(token: &str) -> Vec<u8> {
        page(&format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        ))
    }

    #[test]
    fn what_asks_for_a_listing() {
        let of =
            |query: &str| Question::of(&format!("http://h/b?{query}").parse().expect("is one"));
        assert_eq!(of("list-type=2&prefix=w%2F"), Some(FIRST));
        assert_eq!(of("continuation-token=a%3D&list-type=2"), Some(NEXT));
        let azure = "restype=container&comp=list";
        assert_eq!(of(azure), Some(Question::Azure { is_first: true }));
        let next = format!("{azure}&marker=x&sig=y");
        assert_eq!(of(&next), Some(Question::Azure { is_first: false }));
        for none in ["", "prefix=list-type%3D2", "list-type=1", "comp=list", "restype=service"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_page_that_ends_too_soon_is_refused() {
        let pages = Pages::default();
        let check = |rest: &str| pages.check(&FIRST, &page(rest));
        for whole in ["", "<IsTruncated>false</IsTruncated>", "<IsTruncated/>"] {
            assert_eq!(check(whole), Ok(()), "{whole}");
        }
        for cut in [
            "<IsTruncated>true</IsTruncated>",
            "<IsTruncated> True\n</IsTruncated><NextContinuationToken/>",
            "<IsTruncated>true</IsTruncated><NextContinuationToken> </NextContinuationToken>",
            "<s3:IsTruncated xmlns:s3='x'>true</s3:IsTruncated><NextMarker>k</NextMarker>",
        ] {
            assert_eq!(check(cut), Err(Refused::CutShort), "{cut}");
        }
        let other = pages.check(&FIRST, b"<html><body>Down for maintenance</body></html>");
        assert_eq!(other, Err(Refused::NoListing));
        let azure = Question::Azure { is_first: true };
        let last = b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>";
        assert_eq!(pages.check(&azure, last), Ok(()));
    }

    #[test]
    fn pages_that_lead_back_are_refused() {
        let pages = Pages::default();
        let walk = |tokens: &[&str]| {
            let mut question = &FIRST;
            for token in tokens {
                pages.check(question, &leads_to(token))?;
                question = &NEXT;
            }
            pages.check(question, &page(""))
        };
        assert_eq!(walk(&["a", "b"]), Ok(()));
        // Another listing begins anew.
        assert_eq!(walk(&["b", "a"]), Ok(()));
        assert_eq!(walk(&["a", "a"]), Err(Refused::Circle));
        assert_eq!(walk(&["a", "b", "c", "a"]), Err(Refused::Circle));
    }

    #[test]
    fn a_listing_comes_to_an_end() {
        let pages = Pages::default();
        let count = |many: usize| {
            let mut tokens = (0..many).map(|number| number.to_string());
            pages.check(&FIRST, &leads_to(&tokens.next().expect("has one")))?;
            tokens.try_for_each(|token| pages.check(&NEXT, &leads_to(&token)))
        };
        assert_eq!(count(MAX_PAGES - 1), Ok(()));
        assert_eq!(pages.check(&NEXT, &page("")), Ok(()));
        assert_eq!(count(MAX_PAGES), Err(Refused::TooLong));
    }

    #[test]
    fn a_bucket_elsewhere_is_told_without_secrets() {
        let url = "https://me:pass@s3.eu-west-1.example.com/b?X-Amz-Signature=abc".parse();
        let place = url.as_ref().ok();
        let moved = Refused::moved("307 Temporary Redirect".to_owned(), place, Some("eu-west-1"));
        assert_eq!(
            moved.to_string(),
            "the server answered 307 Temporary Redirect, which points to \
             `https://s3.eu-west-1.example.com`, for the bucket is in the region `eu-west-1`"
        );
        assert!(moved.hint(Provider::S3).contains("`region: eu-west-1`"));
        assert!(moved.hint(Provider::Azure).contains("`endpoint`"));
    }

    proptest! {
        #[test]
        fn foreign_pages_never_panic(page in "(<ListBucketResult>)?[<>/a IsTruncated:=\"]*") {
            let _ = Pages::default().check(&FIRST, page.as_bytes());
        }
    }
}
