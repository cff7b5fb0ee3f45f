//! Which form of a machine page a client gets.

/// A form of a page of the simple repository API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/vnd.pypi.simple.v1+json`
    Json,
    /// `application/vnd.pypi.simple.v1+html`
    V1Html,
    /// `text/html`
    Html,
}

impl Form {
    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::V1Html => "application/vnd.pypi.simple.v1+html",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The file that holds it.
    pub fn file(self) -> &'static str {
        match self {
            Self::Json => "index.v1_json",
            Self::V1Html | Self::Html => "index.html",
        }
    }

    /// How well a media range fits: 2 by name, 1 by type, 0 by `*/*`.
    fn fit(self, range: &str) -> Option<u8> {
        let (names, kind): (&[&str], _) = match self {
            Self::Json => (
                &["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json"],
                "application/*",
            ),
            Self::V1Html => (
                &["application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html"],
                "application/*",
            ),
            Self::Html => (&["text/html"], "text/*"),
        };
        match range {
            range if names.contains(&range) => Some(2),
            range if range == kind => Some(1),
            "*/*" => Some(0),
            _ => None,
        }
    }
}

/// Chooses by an `Accept` header ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#name-accept),
/// PEP 691); none where nothing that there is would do.
///
/// Among what is wanted equally, a form that was asked for by name goes before one
/// that was not, and JSON before HTML; who asks for nothing in particular gets HTML.
pub fn choose(accept: Option<&str>, has_json: bool) -> Option<Form> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return Some(Form::Html);
    };
    let ranges: Vec<(String, f32)> = accept.split(',').filter_map(parse_range).collect();
    let forms = [Form::Json, Form::V1Html, Form::Html];
    let wanted =
        forms.into_iter().filter(|form| has_json || *form != Form::Json).filter_map(|form| {
            // The range that fits best decides, whatever others say.
            let fits =
                ranges.iter().filter_map(|(range, quality)| Some((form.fit(range)?, *quality)));
            let (fit, quality) =
                fits.max_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)))?;
            (quality > 0.0).then_some((form, fit, quality))
        });
    let preference = |form: Form, fit: u8| match (form, fit) {
        (Form::Json, 2) => 6,
        (Form::V1Html, 2) => 5,
        (Form::Html, 2) => 4,
        (Form::Html, _) => 3,
        (Form::V1Html, _) => 2,
        (Form::Json, _) => 1,
    };
    wanted
        .max_by(|one, other| {
            one.2
                .total_cmp(&other.2)
                .then(preference(one.0, one.1).cmp(&preference(other.0, other.1)))
        })
        .map(|(form, ..)| form)
}

/// A media range in lowercase with its quality.
fn parse_range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next()?.to_ascii_lowercase();
    let quality = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>())
    });
    match quality {
        None => Some((range, 1.0)),
        Some(Ok(quality)) if quality.is_finite() => Some((range, quality.clamp(0.0, 1.0))),
        // What cannot be read asks for nothing.
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PIP: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
    const UV: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
    const BROWSER: &str =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    #[test]
    fn clients_get_what_they_want_most() {
        for (accept, form) in [
            (None, Some(Form::Html)),
            (Some(""), Some(Form::Html)),
            (Some("*/*"), Some(Form::Html)),
            (Some(PIP), Some(Form::Json)),
            (Some(UV), Some(Form::Json)),
            (Some(BROWSER), Some(Form::Html)),
            (Some("application/vnd.pypi.simple.v1+json, */*;q=0.1"), Some(Form::Json)),
            (Some("application/vnd.pypi.simple.latest+json"), Some(Form::Json)),
            (Some("application/vnd.pypi.simple.v1+html"), Some(Form::V1Html)),
            (Some("application/vnd.pypi.simple.v1+json;q=0, text/html"), Some(Form::Html)),
            (Some("text/html;q=0.9, application/vnd.pypi.simple.v1+json;q=0.1"), Some(Form::Html)),
            (Some("text/html, application/vnd.pypi.simple.v1+json"), Some(Form::Json)),
            (Some("APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; Q=0.5"), Some(Form::Json)),
            (Some("text/*"), Some(Form::Html)),
            (Some("image/png"), None),
            (Some("application/json"), None),
            (Some("*/*;q=0"), None),
            (Some("text/html;q=abc"), None),
        ] {
            assert_eq!(choose(accept, true), form, "{accept:?}");
        }
    }

    #[test]
    fn without_json_it_is_html() {
        assert_eq!(choose(Some(PIP), false), Some(Form::V1Html));
        assert_eq!(choose(Some("application/vnd.pypi.simple.v1+json"), false), None);
    }

    proptest! {
        #[test]
        fn never_panics(accept in ".{0,80}", ranges in "([a-z*]{1,4}/[a-z*]{1,4}(;q=[0-9.]{0,4})?,?){0,5}") {
            let _ = choose(Some(&accept), true);
            let _ = choose(Some(&ranges), false);
        }
    }
}
