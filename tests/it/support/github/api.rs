//! The REST API: who may ask, how often, and what the answer is.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::faults::Fault;
use super::http::{Answer, Request};
use super::json::Json;
use super::log::Origin;
use super::state::{Asset, Cut, List, Options, Release, Repository, World};
use super::{Shared, download, lock};

const JSON: &str = "application/json; charset=utf-8";
const DOCS: &str = "https://docs.github.com/rest";
/// GitHub takes no more in one release.
const MOST_ASSETS: usize = 1000;
const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes \
    before you try again. If you reach out to GitHub Support for help, please include the request \
    ID.";

pub(super) fn answer(shared: &Shared, request: &Request, fault: Option<Fault>) -> Answer {
    let mut world = lock(&shared.world);
    let answer = match admit(&mut world, request) {
        Ok(token) => {
            let answer = route(shared, &mut world, request, token, fault);
            conditional(request, answer.unwrap_or_else(|| error(404, "Not Found")))
        }
        Err(refusal) => refusal,
    };
    let rate = &mut world.options.rate;
    if answer.status != 304 {
        rate.remaining = rate.remaining.saturating_sub(1);
    }
    answer
        .with("x-ratelimit-limit", rate.limit)
        .with("x-ratelimit-remaining", rate.remaining)
        .with("x-ratelimit-used", rate.limit.saturating_sub(rate.remaining))
        .with("x-ratelimit-reset", rate.reset)
        .with("x-ratelimit-resource", "core")
        .with("x-github-media-type", "github.v3; format=json")
        .with("vary", "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding")
}

/// What changes something: a new release, an upload, the end of an asset.
pub(super) fn change(shared: &Shared, request: &Request) -> Answer {
    let mut world = lock(&shared.world);
    let token = match admit(&mut world, request) {
        Ok(Some(token)) => token.to_owned(),
        Ok(None) => return error(401, "Requires authentication"),
        Err(refusal) => return refusal,
    };
    let path = request.path().strip_prefix(shared.prefix.as_str()).unwrap_or_default();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let ["repos", owner, name, rest @ ..] = &*segments else { return error(404, "Not Found") };
    let full_name = format!("{owner}/{name}");
    let known = world.repositories.iter().find(|it| it.full_name() == full_name);
    let Some(known) = known else { return error(404, "Not Found") };
    if known.private.as_deref().is_some_and(|needed| token != needed) {
        return error(404, "Not Found");
    }
    if world.options.read_only {
        return error(403, "Resource not accessible by integration");
    }
    match (&*request.method, rest) {
        ("POST", ["releases"]) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let tag = body["tag_name"].as_str().unwrap_or_default().to_owned();
            if known.releases.iter().any(|release| release.tag == tag) {
                return already_exists("tag_name");
            }
            world.add_release(&full_name, Release::new(&tag));
            shown(shared, &mut world, &full_name, |json, repository| {
                let release = repository.releases.iter().find(|release| release.tag == tag);
                release.map(|release| json.release(release))
            })
        }
        ("POST", ["releases", id, "assets"]) => {
            let asset = request.parameter("name").unwrap_or_default();
            let release = known.releases.iter().find(|release| release.id.to_string() == **id);
            let Some(release) = release else { return error(404, "Not Found") };
            if release.immutable {
                return error(422, "Cannot upload assets to an immutable release.");
            }
            if release.assets.iter().any(|there| there.name == asset) {
                return already_exists("name");
            }
            if release.assets.len() >= MOST_ASSETS {
                return error(422, "file_count limited to 1000 assets per release");
            }
            let tag = release.tag.clone();
            let now = jiff::Timestamp::now().as_second();
            let now = jiff::Timestamp::from_second(now).expect("is a time").to_string();
            let made = Asset::new(&asset, request.body.clone());
            let made = made.with(|it| (it.created_at, it.updated_at) = (now.clone(), now));
            world.add_asset(&full_name, &tag, made);
            shown(shared, &mut world, &full_name, |json, repository| {
                let release = repository.releases.iter().find(|release| release.tag == tag)?;
                let made = release.assets.iter().find(|there| there.name == asset)?;
                Some(json.asset(release, made))
            })
        }
        ("PATCH", ["releases", "assets", id]) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let Some(name) = body["name"].as_str() else { return error(422, "Invalid request.") };
            let is_it = |asset: &Asset| asset.id.to_string() == **id;
            let mut releases = known.releases.iter();
            let release = releases.find(|release| release.assets.iter().any(is_it));
            let Some(release) = release else { return error(404, "Not Found") };
            if release.immutable {
                return error(422, "Cannot change assets of an immutable release.");
            }
            if release.assets.iter().any(|there| there.name == name && !is_it(there)) {
                return already_exists("name");
            }
            world
                .assets()
                .filter(|asset| is_it(asset))
                .for_each(|it| name.clone_into(&mut it.name));
            let mut answer = shown(shared, &mut world, &full_name, |json, repository| {
                let mut releases = repository.releases.iter();
                releases.find_map(|release| {
                    let renamed = release.assets.iter().find(|asset| is_it(asset))?;
                    Some(json.asset(release, renamed))
                })
            });
            answer.status = 200;
            answer
        }
        ("DELETE", ["releases", "assets", id]) => {
            let repository = world.repository(&full_name);
            let mut found = false;
            for release in &mut repository.releases {
                let before = release.assets.len();
                release.assets.retain(|asset| asset.id.to_string() != **id);
                found |= release.assets.len() < before;
            }
            if found { Answer::new(204, JSON, "") } else { error(404, "Not Found") }
        }
        _ => error(404, "Not Found"),
    }
}

/// An upload that breaks off leaves an asset of which nobody can have the bytes.
pub(super) fn break_off(shared: &Shared, request: &Request) {
    let mut world = lock(&shared.world);
    let path = request.path();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (Some(at), "POST", Some(asset)) = (
        segments.iter().position(|segment| *segment == "repos"),
        &*request.method,
        request.parameter("name"),
    ) else {
        return;
    };
    let [_, owner, name, "releases", id, "assets"] = segments[at..] else { return };
    let full_name = format!("{owner}/{name}");
    let repository = world.repositories.iter().find(|it| it.full_name() == full_name);
    let release = repository.and_then(|it| {
        let mut releases = it.releases.iter();
        releases.find(|release| release.id.to_string() == id)
    });
    let Some(release) = release else { return };
    if release.assets.iter().all(|there| there.name != asset) {
        let tag = release.tag.clone();
        world.add_asset(&full_name, &tag, Asset::new(&asset, "half").starter());
    }
}

/// 201 with what was made.
fn shown(
    shared: &Shared,
    world: &mut World,
    full_name: &str,
    write: impl FnOnce(&Json<'_>, &Repository) -> Option<Value>,
) -> Answer {
    let embedded_assets = world.options.embedded_assets;
    let repository = world.repository(full_name);
    let json = Json {
        api: &shared.api_url(),
        web: shared.url(Origin::Web),
        repository,
        embedded_assets,
        excess: 0,
    };
    match write(&json, repository) {
        Some(value) => Answer::new(201, JSON, value.to_string()),
        None => error(500, "Server Error"),
    }
}

fn already_exists(field: &str) -> Answer {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{"resource": "ReleaseAsset", "code": "already_exists", "field": field}],
        "documentation_url": DOCS,
        "status": "422",
    });
    Answer::new(422, JSON, body.to_string())
}

/// The token of a request that is allowed, or why it is not.
fn admit<'r>(world: &mut World, request: &'r Request) -> Result<Option<&'r str>, Answer> {
    let token = request.header("authorization").map(|header| match header.split_once(' ') {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") =>
        {
            token.trim()
        }
        _ => "",
    });
    if token.is_some_and(|token| !world.tokens.iter().any(|known| known == token)) {
        return Err(error(401, "Bad credentials"));
    }
    let Options { rate, secondary, .. } = &mut world.options;
    if let Some(limit) = secondary.as_mut().filter(|limit| limit.times > 0) {
        limit.times -= 1;
        return Err(error(limit.status, SECONDARY).with("retry-after", limit.retry_after));
    }
    let now = jiff::Timestamp::now().as_second();
    if now >= rate.reset {
        (rate.remaining, rate.reset) = (rate.limit, now + 3600);
    }
    if rate.remaining == 0 {
        let message = if token.is_some() {
            "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, \
             please include the request ID."
        } else {
            "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated \
             requests get a higher rate limit. Check out the documentation for more details.)"
        };
        return Err(error(403, message));
    }
    Ok(token)
}

/// The answer of an endpoint; none where nothing is, or nothing that this token may see.
fn route(
    shared: &Shared,
    world: &mut World,
    request: &Request,
    token: Option<&str>,
    fault: Option<Fault>,
) -> Option<Answer> {
    let path = request.path().strip_prefix(shared.prefix.as_str())?.strip_prefix('/')?;
    let segments: Vec<_> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let mut repositories = world.repositories.iter();
    let (repository, rest) = match &*segments {
        ["repos", owner, name, rest @ ..] => {
            let found = repositories.find(|it| {
                it.owner.eq_ignore_ascii_case(owner) && it.name.eq_ignore_ascii_case(name)
            });
            (found?, rest)
        }
        // What links lead to.
        ["repositories", id, rest @ ..] => {
            (repositories.find(|it| it.id.to_string() == *id)?, rest)
        }
        _ => return None,
    };
    if repository.private.as_deref().is_some_and(|needed| token != Some(needed)) {
        return None;
    }
    let json = Json {
        api: &shared.api_url(),
        web: shared.url(Origin::Web),
        repository,
        embedded_assets: world.options.embedded_assets,
        excess: if let Some(Fault::WrongLength(excess)) = fault { excess } else { 0 },
    };
    let mut releases = repository.newest_first();
    releases.retain(|release| !release.draft || token.is_some());
    let mut public = releases.iter().filter(|release| !release.draft);
    let by_id = |id: &str| releases.iter().find(|release| release.id.to_string() == id);
    let base = format!("{}/repositories/{}/releases", shared.api_url(), repository.id);
    let cut = |list| world.options.cut.filter(|cut| cut.0 == list).map(|cut| cut.1);
    match rest {
        [] => Some(found(&json.repository())),
        ["releases"] => {
            let write = |release: &&Release| json.release(release);
            Some(page(request, &base, &releases, write, cut(List::Releases)))
        }
        ["releases", "latest"] => {
            public.find(|release| !release.prerelease).map(|release| found(&json.release(release)))
        }
        ["releases", "tags", tag @ ..] => {
            let tag = tag.join("/");
            public.find(|release| release.tag == tag).map(|release| found(&json.release(release)))
        }
        ["releases", "assets", id] => {
            let mut assets = releases
                .iter()
                .flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
            let (release, asset) = assets.find(|(_, asset)| asset.id.to_string() == *id)?;
            if !request.wants_bytes() {
                return Some(found(&json.asset(release, asset)));
            }
            if world.options.direct_assets {
                return Some(download::file(asset, request, fault));
            }
            let id = asset.id;
            Some(download::redirect(shared, world, id))
        }
        ["releases", id] => by_id(id).map(|release| found(&json.release(release))),
        ["releases", id, "assets"] => {
            let release = by_id(id)?;
            let base = format!("{base}/{id}/assets");
            let write = |asset: &_| json.asset(release, asset);
            Some(page(request, &base, &release.assets, write, cut(List::Assets)))
        }
        _ => None,
    }
}

/// The page of a list that is asked for, with links to the others.
fn page<T>(
    request: &Request,
    base: &str,
    items: &[T],
    write: impl Fn(&T) -> Value,
    cut: Option<Cut>,
) -> Answer {
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<u64>().ok());
    let per_page = number("per_page").filter(|count| *count > 0).unwrap_or(30).min(100);
    let page = number("page").unwrap_or(1).max(1);
    if matches!(cut, Some(Cut::Refused(last)) if page > last) {
        return error(422, "Only the first 1000 results are available.");
    }
    let size = super::content::index(per_page);
    let start = super::content::index((page - 1).saturating_mul(per_page));
    let shown: Vec<_> = items.iter().skip(start).take(size).map(write).collect();
    let pages = (items.len() as u64).div_ceil(per_page).max(1);
    let (shown_last, has_next) = match cut {
        Some(Cut::Silent(last)) => (pages.min(last), page < pages.min(last)),
        Some(Cut::KeepsLast(last)) => (pages, page < pages.min(last)),
        _ => (pages, page < pages),
    };
    let keeps_last = matches!(cut, Some(Cut::KeepsLast(_))) && page < pages;
    let given = request.parameter("per_page").map(|count| format!("per_page={count}&"));
    let given = given.unwrap_or_default();
    let mut links = Vec::new();
    let mut link = |rel: &str, page: u64| {
        links.push(format!("<{base}?{given}page={page}>; rel=\"{rel}\""));
    };
    if page > 1 {
        link("prev", (page - 1).min(pages));
    }
    if has_next {
        link("next", page + 1);
    }
    if has_next || keeps_last {
        link("last", shown_last);
    }
    if page > 1 {
        link("first", 1);
    }
    let answer = found(&Value::from(shown));
    if links.is_empty() { answer } else { answer.with("link", links.join(", ")) }
}

/// Makes an answer with a tag 304 where the client has it already.
fn conditional(request: &Request, mut answer: Answer) -> Answer {
    let super::http::Body::Bytes(bytes) = &answer.body else { return answer };
    if answer.headers.iter().any(|(name, _)| *name == "etag") {
        return answer;
    }
    let tag = format!("W/\"{}\"", hex::encode(sha2::Sha256::digest(bytes)));
    let known = request.header("if-none-match").is_some_and(|tags| download::lists(tags, &tag));
    if known && answer.status == 200 {
        answer = Answer::new(304, JSON, "");
    }
    answer.with("etag", tag)
}

fn found(value: &Value) -> Answer {
    Answer::new(200, JSON, value.to_string())
}

fn error(status: u16, message: &str) -> Answer {
    let body = json!({
        "message": message,
        "documentation_url": DOCS,
        "status": status.to_string(),
    });
    Answer::new(status, JSON, body.to_string())
}

/// What a host says when it cannot answer.
pub(super) fn failure(origin: Origin, status: u16) -> Answer {
    match (origin, status) {
        (Origin::Api, 429) => error(status, SECONDARY),
        (Origin::Api, 405) => error(status, "Method Not Allowed"),
        (Origin::Api, _) => error(status, "Server Error"),
        (Origin::Web, _) => download::page(status),
        (Origin::Blob, 429) => download::refusal(status, "ServerBusy", "The server is busy."),
        (Origin::Blob, _) => {
            download::refusal(status, "InternalError", "The server encountered an internal error.")
        }
    }
}
