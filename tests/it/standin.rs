//! The stand-in for GitHub does what GitHub does, and fails when it is told to.

mod synthetic;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use serde_json::Value;

use crate::support::github::{
    Asset, Builder, Content, Cut, Digest, Fault, Faults, Github, List, Memory, Origin, Release,
    Repository, Secondary, client, header, json, send,
};

const REPOSITORY: &str = "octo/wheels";
const OCTET_STREAM: (&str, &str) = ("accept", "application/octet-stream");

fn get(github: &Github, path: &str, headers: &[(&str, &str)]) -> Response {
    send("GET", &format!("{}/repos/{REPOSITORY}{path}", github.url(Origin::Api)), headers)
}

fn status(github: &Github, path: &str, headers: &[(&str, &str)]) -> u16 {
    get(github, path, headers).status().as_u16()
}

/// A field of each item of a list.
fn all<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    let items = list.as_array().expect("is a list").iter();
    items.map(|item| item[field].as_str().unwrap_or_default()).collect()
}

fn repository() -> Repository {
    Repository::new(REPOSITORY)
        .release(Release::new("v1").asset(Asset::new("demo.whl", "0123456789")))
}

/// A signed URL of the first asset.
fn signed(github: &Github) -> String {
    let asset = &json(get(github, "/releases/tags/v1", &[]))["assets"][0];
    let url = asset["browser_download_url"].as_str().expect("has a URL");
    let answer = send("GET", url, &[]);
    assert_eq!(answer.status(), 302);
    header(&answer, "location").to_owned()
}

fn many(releases: usize) -> Builder {
    let mut repository = Repository::new(REPOSITORY);
    for number in 1..=releases {
        repository = repository.release(Release::new(&format!("v{number}")));
    }
    Github::builder().repository(repository)
}

#[test]
fn connections_are_kept_and_end_with_the_value() {
    let github = Github::with(repository());
    let host = github.url(Origin::Api).replace("http://", "");
    let mut stream = TcpStream::connect(&host).expect("connects");
    for _ in 0..2 {
        let request = format!("GET /repos/{REPOSITORY}/nope HTTP/1.1\r\nhost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("writes");
        let mut text = String::new();
        while !text.ends_with("\"404\"}") {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).expect("reads");
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&part[..count]).expect("is text"));
        }
        assert!(text.starts_with("HTTP/1.1 404 Not Found\r\n"), "{text}");
    }
    stream.write_all(&vec![b'x'; 40 * 1024]).expect("writes");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    assert_eq!(send("POST", &github.url(Origin::Web), &[]).status(), 405);
    drop(github);
    assert!(TcpStream::connect(&host).is_err());
}

#[test]
fn contents_change_while_it_runs() {
    let github = Github::with(repository());
    let assets = || json(get(&github, "/releases/tags/v1", &[]))["assets"].clone();
    let first = assets()[0]["id"].clone();
    let wrong = Asset::new("null.whl", "").digest(Digest::Null);
    github.add_asset(REPOSITORY, "v1", wrong);
    let wrong = Asset::new("wrong.whl", "").digest(Digest::Given("00".to_owned())).starter();
    github.add_asset(REPOSITORY, "v1", wrong);
    let listed = assets();
    let digest = Memory::new("0123456789").sha256();
    assert_eq!(all(&listed, "digest"), [&*format!("sha256:{digest}"), "", "sha256:00"]);
    assert_eq!(all(&listed, "state"), ["uploaded", "uploaded", "starter"]);
    assert!(listed[1]["digest"].is_null());

    github.remove_asset(REPOSITORY, "v1", "null.whl");
    github.replace_asset(REPOSITORY, "v1", Asset::new("demo.whl", "abc"));
    let listed = assets();
    assert_eq!(all(&listed, "name"), ["wrong.whl", "demo.whl"]);
    assert_ne!(listed[1]["id"], first);
    assert_eq!(listed[1]["size"], 3);
    github.edit_release(REPOSITORY, "v1", |release| release.assets[1].listed_size = Some(4));
    assert_eq!(assets()[1]["size"], 4);

    github.add_release(REPOSITORY, Release::new("v2"));
    github.delete_release(REPOSITORY, "v1");
    assert_eq!(all(&json(get(&github, "/releases", &[])), "tag_name"), ["v2"]);
}

#[test]
fn answers_have_the_fields_that_github_gives() {
    let asset = Asset::new("demo-1.0+cu128-py3-none-any.whl", "abc");
    let release = Release::new("nightly/v1+cu128").asset(asset);
    let github = Github::with(Repository::new(REPOSITORY).release(release));
    let (api, web) = (github.url(Origin::Api), github.url(Origin::Web));
    let repository = json(get(&github, "", &[]));
    assert_eq!(repository["full_name"], REPOSITORY);
    assert_eq!(
        (&repository["private"], &repository["owner"]["login"]),
        (&false.into(), &"octo".into())
    );

    for path in ["/releases/tags/nightly/v1+cu128", "/releases/tags/nightly%2Fv1%2Bcu128"] {
        assert_eq!(status(&github, path, &[]), 200, "{path}");
    }
    let release = json(get(&github, "/releases/latest", &[]));
    let asset = &release["assets"][0];
    let (id, file) = (&release["id"], &asset["id"]);
    let expected = serde_json::json!({
        "url": format!("{api}/repos/{REPOSITORY}/releases/{id}"),
        "assets_url": format!("{api}/repos/{REPOSITORY}/releases/{id}/assets"),
        "html_url": format!("{web}/{REPOSITORY}/releases/tag/nightly%2Fv1%2Bcu128"),
        "tag_name": "nightly/v1+cu128",
        "tarball_url": format!("{api}/repos/{REPOSITORY}/tarball/nightly/v1+cu128"),
        "draft": false,
        "prerelease": false,
        "immutable": false,
    });
    for (name, value) in expected.as_object().expect("is an object") {
        assert_eq!(&release[name], value, "{name}");
    }
    for name in ["node_id", "target_commitish", "name", "created_at", "published_at", "author"] {
        assert!(!release[name].is_null(), "{name}");
    }
    let download = format!(
        "{web}/{REPOSITORY}/releases/download/nightly%2Fv1%2Bcu128/demo-1.0%2Bcu128-py3-none-any.whl"
    );
    assert_eq!(asset["browser_download_url"], *download);
    assert_eq!(asset["url"], *format!("{api}/repos/{REPOSITORY}/releases/assets/{file}"));
    for name in ["node_id", "uploader", "content_type", "created_at", "updated_at", "label"] {
        assert!(!asset[name].is_null(), "{name}");
    }
    assert_eq!(json(get(&github, &format!("/releases/{id}"), &[])), release);
    assert_eq!(json(get(&github, &format!("/releases/{id}/assets"), &[]))[0], *asset);

    let path = format!("/releases/assets/{file}");
    assert_eq!(json(get(&github, &path, &[])), *asset);
    let answer = get(&github, &path, &[OCTET_STREAM]);
    assert_eq!(answer.status(), 302);
    assert!(header(&answer, "location").starts_with(&github.url(Origin::Blob)));
    let plain = download.replace("%2Fv1%2B", "/v1+");
    for url in [header(&answer, "location"), header(&send("GET", &plain, &[]), "location")] {
        assert_eq!(send("GET", url, &[]).text().expect("is text"), "abc");
    }
    github.options(|options| options.direct_assets = true);
    let answer = get(&github, &path, &[OCTET_STREAM, ("range", "bytes=1-")]);
    assert_eq!((answer.status().as_u16(), &*answer.text().expect("is text")), (206, "bc"));
}

#[test]
fn drafts_and_prereleases_are_where_github_has_them() {
    let repository = Repository::new(REPOSITORY)
        .release(Release::new("v1"))
        .release(Release::new("v2rc1").prerelease())
        .release(Release::new("v3").draft().asset(Asset::new("demo.whl", "")));
    let github = Github::builder().repository(repository).token("good").start();
    let token = ("authorization", "Bearer good");
    let tags = |headers: &[_]| {
        let list = json(get(&github, "/releases", headers));
        all(&list, "tag_name").iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(tags(&[]), ["v2rc1", "v1"]);
    assert_eq!(tags(&[token]), ["v3", "v2rc1", "v1"]);
    assert_eq!(json(get(&github, "/releases/latest", &[token]))["tag_name"], "v1");
    assert_eq!(status(&github, "/releases/tags/v3", &[token]), 404);
    let draft = &json(get(&github, "/releases", &[token]))[0];
    let path = format!("/releases/{}", draft["id"]);
    assert_eq!((status(&github, &path, &[]), status(&github, &path, &[token])), (404, 200));
    let url = draft["assets"][0]["browser_download_url"].as_str().expect("has a URL");
    assert_eq!(send("GET", url, &[]).status(), 404);
    github.delete_release(REPOSITORY, "v1");
    assert_eq!(status(&github, "/releases/latest", &[]), 404);
}

#[test]
fn lists_come_in_pages_that_link_to_each_other() {
    let github = many(65).prefix("/api/v3").start();
    let api = github.url(Origin::Api);
    assert!(api.ends_with("/api/v3"));
    let rels = |answer: &Response| {
        let links = header(answer, "link").split(", ").filter_map(|it| it.split_once("; rel="));
        let page = |url: &str| url.rsplit('=').next().unwrap_or_default().replace('>', "");
        links
            .map(|(url, rel)| format!("{} {}", rel.trim_matches('"'), page(url)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let first = get(&github, "/releases?per_page=20", &[]);
    assert_eq!(rels(&first), "next 2, last 4");
    let next = header(&first, "link").split(['<', '>']).nth(1).expect("has a link");
    assert!(next.starts_with(&format!("{api}/repositories/")), "{next}");
    let second = send("GET", next, &[]);
    assert_eq!(rels(&second), "prev 1, next 3, last 4, first 1");
    assert_eq!(all(&json(second), "tag_name")[0], "v45");
    let last = get(&github, "/releases?per_page=20&page=4", &[]);
    assert_eq!(rels(&last), "prev 3, first 1");
    assert_eq!(json(last).as_array().map(Vec::len), Some(5));
    let default = get(&github, "/releases", &[]);
    assert_eq!(rels(&default), "next 2, last 3");
    assert_eq!(json(default).as_array().map(Vec::len), Some(30));
    assert_eq!(rels(&get(&github, "/releases?per_page=1000", &[])), "");
    assert_eq!(json(get(&github, "/releases?page=9", &[])), serde_json::json!([]));

    let page = |number: u64, cut| {
        github.options(|options| options.cut = Some((List::Releases, cut)));
        get(&github, &format!("/releases?per_page=20&page={number}"), &[])
    };
    assert_eq!(rels(&page(2, Cut::Refused(2))), "prev 1, next 3, last 4, first 1");
    let refused = page(3, Cut::Refused(2));
    assert_eq!(refused.status(), 422);
    let message = "Only the first 1000 results are available.";
    assert_eq!(json(refused)["message"], message);
    assert_eq!(rels(&page(2, Cut::Silent(2))), "prev 1, first 1");
    assert_eq!(rels(&page(2, Cut::KeepsLast(2))), "prev 1, last 4, first 1");

    let release = (0..5).fold(Release::new("big"), |release, number| {
        release.asset(Asset::new(&format!("{number}.whl"), ""))
    });
    github.add_release(REPOSITORY, release);
    github.options(|options| options.embedded_assets = 2);
    let release = json(get(&github, "/releases/tags/big", &[]));
    assert_eq!(all(&release["assets"], "name"), ["0.whl", "1.whl"]);
    let path = format!("/releases/{}/assets?per_page=3&page=2", release["id"]);
    let assets = get(&github, &path, &[]);
    assert_eq!(rels(&assets), "prev 1, first 1");
    assert_eq!(all(&json(assets), "name"), ["3.whl", "4.whl"]);
}

#[test]
fn tokens_open_what_is_private_and_signatures_what_they_sign() {
    let github = Github::builder()
        .repository(repository().private("secret"))
        .repository(Repository::new("octo/public"))
        .token("other")
        .start();
    for (authorization, expected) in
        [("Bearer secret", 200), ("token secret", 200), ("Bearer other", 404), ("Bearer no", 401)]
    {
        let headers = [("authorization", authorization)];
        assert_eq!(status(&github, "/releases", &headers), expected, "{authorization}");
    }
    assert_eq!(status(&github, "/releases", &[]), 404);
    let token = ("authorization", "Bearer no");
    let url = format!("{}/repos/octo/public", github.url(Origin::Api));
    assert_eq!(json(send("GET", &url, &[token]))["message"], "Bad credentials");

    let token = ("authorization", "Bearer secret");
    let asset = &json(get(&github, "/releases/latest", &[token]))["assets"][0];
    let url = asset["browser_download_url"].as_str().expect("has a URL");
    assert_eq!(send("GET", url, &[token]).status(), 404);

    github.options(|options| options.signature_uses = 2);
    let sign = || {
        let path = format!("/releases/assets/{}", asset["id"]);
        header(&get(&github, &path, &[token, OCTET_STREAM]), "location").to_owned()
    };
    let url = sign();
    assert!(url.contains("?sp=r&sig=") && url.contains("&se="), "{url}");
    assert_eq!(send("GET", &url, &[token]).status(), 400);
    for expected in [200, 200, 403] {
        assert_eq!(send("GET", &url, &[]).status(), expected);
    }
    let refused = send("GET", &url.replace("sig=", "sig=0"), &[]);
    assert_eq!(refused.status(), 403);
    assert!(refused.text().expect("is text").contains("<Code>AuthenticationFailed</Code>"));
    let url = sign();
    github.expire_signatures();
    assert_eq!(send("GET", &url, &[]).status(), 403);
    let url = sign();
    github.remove_asset(REPOSITORY, "v1", "demo.whl");
    assert_eq!(send("GET", &url, &[]).status(), 404);
    let leaks = github.log().iter().filter(|it| it.origin == Origin::Blob && it.authorized).count();
    assert_eq!(leaks, 1);
}

#[test]
fn what_is_known_costs_nothing_and_the_rest_is_limited() {
    let github = Github::with(repository());
    let first = get(&github, "/releases", &[]);
    let (tag, left) = (header(&first, "etag"), header(&first, "x-ratelimit-remaining"));
    assert_eq!((tag.starts_with("W/\""), left), (true, "4999"));
    let again = get(&github, "/releases", &[("if-none-match", tag)]);
    assert_eq!((again.status().as_u16(), header(&again, "x-ratelimit-remaining")), (304, "4999"));
    assert_eq!(header(&again, "etag"), tag);
    assert_eq!(github.not_modified(), 1);
    github.add_release(REPOSITORY, Release::new("v2"));
    assert_eq!(status(&github, "/releases", &[("if-none-match", tag)]), 200);

    let reset = jiff::Timestamp::now().as_second() + 2;
    github.options(|options| {
        (options.rate.remaining, options.rate.reset) = (1, reset);
    });
    assert_eq!(status(&github, "/releases", &[]), 200);
    let refused = get(&github, "/releases", &[]);
    assert_eq!(refused.status(), 403);
    assert_eq!(header(&refused, "x-ratelimit-remaining"), "0");
    assert_eq!(header(&refused, "x-ratelimit-reset"), reset.to_string());
    let message = json(refused)["message"].to_string();
    assert!(message.contains("API rate limit exceeded for"), "{message}");
    github.options(|options| options.rate.reset = reset - 10);
    assert_eq!(status(&github, "/releases", &[]), 200, "a new hour has begun");

    for code in [403, 429] {
        let limit = Secondary { times: 1, status: code, retry_after: 7 };
        github.options(|options| options.secondary = Some(limit));
        let refused = get(&github, "/releases", &[]);
        assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (code, "7"));
        assert_ne!(header(&refused, "x-ratelimit-remaining"), "0");
        let message = json(refused)["message"].to_string();
        assert!(message.contains("You have exceeded a secondary rate limit"), "{message}");
        assert_eq!(status(&github, "/releases", &[]), 200);
    }
}

#[test]
fn downloads_have_ranges_and_conditions() {
    let github = Github::with(repository());
    let url = signed(&github);
    let head = send("HEAD", &url, &[]);
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, "10"));
    assert_eq!(header(&head, "accept-ranges"), "bytes");
    let tag = header(&head, "etag");
    for (range, status, content_range, text) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=8-100", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=-30", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=1-2,4-5", 200, "", "0123456789"),
        ("lines=1-2", 200, "", "0123456789"),
    ] {
        let part = send("GET", &url, &[("range", range)]);
        assert_eq!(part.status(), status, "{range}");
        assert_eq!(header(&part, "content-range"), content_range);
        assert_eq!(part.text().expect("is text"), text);
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let part = send("GET", &url, &[("range", range)]);
        assert_eq!((part.status().as_u16(), header(&part, "content-range")), (416, "bytes */10"));
    }
    let part = |name, value: &str| {
        send("GET", &url, &[("range", "bytes=0-0"), (name, value)]).status().as_u16()
    };
    assert_eq!((part("if-match", tag), part("if-range", tag)), (206, 206));
    assert_eq!(part("if-range", header(&head, "last-modified")), 206);
    github.rewrite_asset(REPOSITORY, "v1", "demo.whl", Arc::new(Memory::new("abc")));
    assert_eq!((part("if-match", tag), part("if-range", tag)), (412, 200));
    assert_eq!(send("HEAD", &url.replace("/objects/", "/nope/"), &[]).status(), 403);
}

#[test]
fn each_fault_happens_when_it_is_told_to() {
    let github = Github::with(repository());
    let url = signed(&github);
    let range = ("range", "bytes=2-4");
    let fault = |fault| github.faults(Faults::on(Origin::Blob, "/objects/", 1..=1, fault));
    for (told, expected) in [
        (Fault::Status(502), 502),
        (Fault::TooMany(0), 429),
        (Fault::ExpiredSignature, 403),
        (Fault::IgnoreRange, 200),
        (Fault::Slow(Duration::from_millis(20)), 206),
    ] {
        fault(told);
        let start = Instant::now();
        assert_eq!(send("GET", &url, &[range]).status(), expected, "{told:?}");
        assert!(!matches!(told, Fault::Slow(time) if start.elapsed() < time));
        assert_eq!(send("GET", &url, &[range]).status(), 206);
        assert_eq!(github.log().iter().rev().nth(1).and_then(|entry| entry.fault), Some(told));
    }
    fault(Fault::WrongLength(5));
    assert_eq!(header(&send("GET", &url, &[range]), "content-range"), "bytes 2-4/15");
    github.faults(Faults::on(Origin::Api, "/tags/", .., Fault::WrongLength(-1)));
    assert_eq!(json(get(&github, "/releases/tags/v1", &[]))["assets"][0]["size"], 9);

    fault(Fault::Reset);
    assert!(client().get(&url).send().is_err());
    for told in [Fault::ResetAfter(4), Fault::TruncateAfter(4)] {
        fault(told);
        let mut answer = client().get(&url).send().expect("begins to answer");
        assert_eq!(header(&answer, "content-length"), "10");
        let mut bytes = Vec::new();
        assert!(answer.read_to_end(&mut bytes).is_err(), "{told:?}");
        assert_eq!(bytes, b"0123", "{told:?}");
    }
    fault(Fault::Stall);
    let short = client().get(&url).timeout(Duration::from_millis(100)).send();
    assert!(short.expect_err("stalls").is_timeout());
    // The client's end is noticed, so the log does not have to wait for the stall's.
    assert_eq!(github.log().last().map(|entry| (entry.status, entry.sent)), Some((0, 0)));

    let faults = Faults::on(None, "nope", .., Fault::Status(500))
        .and_on(None, "/releases", 2..=2, Fault::Status(503))
        .or(|asked| asked.path.ends_with("latest").then_some(Fault::Status(500)));
    github.faults(faults);
    let statuses = ["/releases", "/releases", "/releases", "/releases/latest"];
    assert_eq!(statuses.map(|path| status(&github, path, &[])), [200, 503, 200, 500]);
}

#[test]
fn a_seed_decides_what_fails() {
    let github = Github::with(repository());
    let url = signed(&github);
    let run = |seed, rate| {
        github.faults(Faults::seeded(seed, rate));
        github.clear_log();
        for start in 0..40 {
            let range = format!("bytes={}-", start % 10);
            let sent = client().get(&url).header("range", range).send();
            let _ = sent.and_then(|answer| answer.bytes());
        }
        github.log().iter().map(|entry| entry.fault).collect::<Vec<_>>()
    };
    let first = run(7, 0.5);
    let count = first.iter().flatten().count();
    assert!((8..=32).contains(&count), "{count} of 40");
    assert_eq!(run(7, 0.5), first);
    assert_ne!(run(8, 0.5), first);
    assert_eq!(run(7, 0.0).iter().flatten().count(), 0);
    github.faults(Faults::seeded_at_first(7, 1.0, 1));
    let _ = client().get(&url).send().and_then(|answer| answer.bytes());
    assert_eq!(send("GET", &url, &[]).status(), 200, "the second try gets through");
}

#[test]
fn the_log_has_all_that_was_asked() {
    let github = Github::with(repository());
    let url = signed(&github);
    github.clear_log();
    send("GET", &url, &[("range", "bytes=2-4")]);
    let path = "/releases?per_page=1";
    get(&github, path, &[("authorization", "Bearer no"), OCTET_STREAM]);
    send("HEAD", &url, &[]);
    let log = github.log();
    let path = format!("/repos/{REPOSITORY}{path}");
    assert_eq!((&*log[0].method, log[0].origin, log[0].status), ("GET", Origin::Blob, 206));
    assert_eq!((log[0].range.as_deref(), log[0].sent), (Some("bytes=2-4"), 3));
    assert_eq!((log[0].authorized, log[0].octet_stream), (false, false));
    assert_eq!((&log[1].path, log[1].origin, log[1].status), (&path, Origin::Api, 401));
    assert_eq!((log[1].authorized, log[1].octet_stream), (true, true));
    assert_eq!((&*log[2].method, log[2].sent), ("HEAD", 0));
    assert_eq!(github.most_at_once(Origin::Blob), 1);

    github.clear_log();
    github.options(|options| options.latency = Duration::from_millis(300));
    let start = Instant::now();
    let client = client();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| client.get(&url).send().and_then(|answer| answer.bytes()));
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!((github.most_at_once(Origin::Blob), github.most_at_once(Origin::Api)), (4, 0));
    assert_eq!(github.log().iter().map(|entry| entry.sent).sum::<u64>(), 40);
}

#[test]
fn programs_are_told_where_it_is() {
    let github = Github::builder().repository(repository()).prefix("/api/v3").start();
    let variables = |command: &Command| {
        let all = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        all.map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect::<Vec<_>>()
    };
    let mut expected = vec![
        format!("GITHUB_API_URL={}", github.url(Origin::Api)),
        format!("GITHUB_REPOSITORY={REPOSITORY}"),
        format!("GITHUB_SERVER_URL={}", github.url(Origin::Web)),
    ];
    let mut command = Command::new("true");
    assert_eq!(variables(github.env(&mut command)), expected);
    expected.push("GITHUB_TOKEN=secret".to_owned());
    assert_eq!(variables(github.env_with_token(&mut command, "secret")), expected);
}
