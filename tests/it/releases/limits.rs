//! Rate limits: waited for within a bound, or told with the time to come back.

use super::{build, one_release, patient};
use crate::support::github::{Github, Options, Secondary};
use crate::support::{Run, Wheel, Workspace};

fn github() -> Github {
    Github::with(one_release(&[Wheel::new("demo", "1.0")]))
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("is later").as_secs()).expect("fits")
}

fn used_up_until(reset: i64) -> impl FnOnce(&mut Options) {
    move |options| {
        options.rate.remaining = 0;
        options.rate.reset = reset;
    }
}

#[test]
fn a_limit_that_ends_soon_is_waited_for() {
    let github = github();
    github.options(used_up_until(now() + 1));
    build(&Workspace::new(), &github, &["--source", "gh-release:v1"]).works();
}

#[test]
fn a_limit_that_lasts_is_told_with_the_time_to_come_back() {
    let github = github();
    github.options(used_up_until(now() + 3_000));
    let run = build(&Workspace::new(), &github, &["--source", "gh-release:v1"]);
    run.fails(3, &["rate limit is used up until 20", "in 51 minutes", "GITHUB_TOKEN"]);
    assert_eq!(github.log().len(), 1, "nobody asks again before that");
}

#[test]
fn the_bound_is_a_choice() {
    let github = github();
    github.options(used_up_until(now() + 20));
    let workspace = Workspace::new();
    let mut command = workspace.command(&["build", "--source", "gh-release:v1"]);
    let run = Run::of(patient(github.env(&mut command)).env("WHEELSITE_HTTP_MAX_WAIT", "5"));
    run.fails(3, &["rate limit is used up until"]);
}

#[test]
fn secondary_limits_say_how_long_to_wait() {
    for status in [403, 429] {
        let github = github();
        github.options(|options| {
            options.secondary = Some(Secondary { times: 2, status, retry_after: 0 });
        });
        build(&Workspace::new(), &github, &["--source", "gh-release:v1"]).works();
        github.options(|options| {
            options.secondary = Some(Secondary { times: 1, status, retry_after: 600 });
        });
        let run = build(&Workspace::new(), &github, &["--source", "gh-release:v1"]);
        run.fails(3, &["rate limit is used up until", "in 10 minutes"]);
    }
}
