//! Garage: a website that clients install from, keys with a slash, and no conditional writes.

use super::{build, command, publish, some_wheels};
use crate::support::clients::{CLIENTS, Index};
use crate::support::garage::garage;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::reader::Reader;
use crate::support::{Run, Wheel};

#[test]
fn clients_install_from_the_website() {
    let (Some(garage), Some(index)) = (garage(), Index::new()) else { return };
    index.workspace.wheel(&Wheel::new("demo", "1.0+cu128"));
    index.workspace.wheel(&Wheel::new("other", "2.0").header("Requires-Dist: demo"));
    build(&index.workspace, &[]);
    // Garage takes the bucket from the name of the host: `localhost` is the first one's.
    static_website(garage);
    let environment = garage.environment(&garage.endpoint);
    publish(&index.workspace, &environment, &["--to", &format!("s3://{WEBSITE}")]);
    let url = format!("http://localhost:{}/simple/", garage.web_port);
    for client in CLIENTS {
        let installed = index.install(client, &url, &["other"]);
        installed.has(&["demo==1.0+cu128", "other==2.0"]);
        installed.runs(&index, "import demo; assert demo.__version__ == '1.0+cu128'");
    }
    let reader = Reader::web(&format!("http://127.0.0.1:{}/", garage.web_port), Some("localhost"));
    assert_eq!(reader.check().expect("is whole").len(), 2);
    let missing = reader.get("simple/nowhere/").expect("answers");
    assert_eq!(missing, None);
}

/// The bucket that is served as `localhost`.
pub(crate) const WEBSITE: &str = "publish-website";

/// Makes it; whichever test comes first.
pub(crate) fn static_website(garage: &crate::support::garage::Garage) {
    static MADE: std::sync::Once = std::sync::Once::new();
    MADE.call_once(|| garage.bucket(WEBSITE));
}

#[test]
fn a_store_that_heeds_no_conditions_is_refused_for_merges() {
    let Some(garage) = garage() else { return };
    static_website(garage);
    garage.bucket("publish-no-merge");
    let workspace = some_wheels();
    build(&workspace, &[]);
    let environment = garage.environment(&garage.endpoint);
    let merge = ["--to", "s3://publish-no-merge/p", "--merge"];
    let run = Run::of(&mut command(&workspace, &environment, &merge));
    run.fails(2, &["cannot be merged into", "If-None-Match", "hint:"]);
    let reader = Reader::web(
        &format!("http://127.0.0.1:{}/", garage.web_port),
        Some("publish-no-merge.web.localhost"),
    );
    assert_eq!(reader.get("p/wheelsite.json").expect("answers"), None, "nothing was written");
    publish(&workspace, &environment, &merge[..2]);
    assert!(reader.get("p/wheelsite.json").expect("answers").is_some());
    // All of it is there: a merge has nothing to write, and nothing is probed.
    let report = publish(&workspace, &environment, &merge);
    assert_eq!(report["requests"], 1);
}

#[test]
fn r2_finds_pages_under_their_folders() {
    let Some(garage) = garage() else { return };
    static_website(garage);
    garage.bucket("publish-r2");
    let workspace = some_wheels();
    build(&workspace, &[]);
    let environment = garage.environment(&garage.endpoint);
    let r2 = ["--to", "s3://publish-r2", "--host", "r2"];
    let plan = publish(&workspace, &environment, &[&r2[..], &["--dry-run"]].concat());
    let plan = plan["plan"].as_array().expect("is a list").iter();
    let plan: Vec<&str> = plan.filter_map(|step| step["path"].as_str()).collect();
    publish(&workspace, &environment, &r2);
    let objects = objects(garage, "publish-r2");
    assert!(objects.keys().all(|key| plan.contains(&key.as_str())), "a dry run says it all");
    assert_eq!(objects.len(), plan.len());
    let page = objects["simple/alpha/index.html"].clone();
    assert_eq!(objects["simple/alpha/"], page, "type, caching and bytes are the same");
    assert_eq!(page["type"], "text/html; charset=utf-8");
    assert!(objects.contains_key("simple/") && objects.contains_key("packages/alpha/"));
    assert!(objects.contains_key("simple/alpha/index.v1_json"));
    assert_eq!(publish(&workspace, &environment, &r2)["requests"], 1);
    // Both keys follow what changes, and go with what goes.
    workspace.wheel(&Wheel::new("alpha", "2.0"));
    std::fs::remove_file(workspace.path("wheels/gamma-3-py3-none-any.whl")).expect("removes");
    build(&workspace, &[]);
    publish(&workspace, &environment, &r2);
    let objects = self::objects(garage, "publish-r2");
    assert_eq!(objects["simple/alpha/"], objects["simple/alpha/index.html"]);
    assert_ne!(objects["simple/alpha/"]["sha256"], page["sha256"]);
    let gone = objects.keys().filter(|key| key.contains("gamma") && !key.starts_with("files/"));
    assert_eq!(gone.count(), 0);
}

#[test]
fn another_host_takes_its_keys_along() {
    let Some(garage) = garage() else { return };
    static_website(garage);
    garage.bucket("publish-hosts");
    let site = some_wheels();
    build(&site, &[]);
    let environment = garage.environment(&garage.endpoint);
    let plain = ["--to", "s3://publish-hosts", "--grace", "0s"];
    let r2 = [&plain[..], &["--host", "r2"]].concat();
    let second = || {
        let keys = objects(garage, "publish-hosts").into_keys();
        keys.filter(|key| key.ends_with('/')).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        publish(&site, &environment, &r2);
        assert!(second().len() > 5);
        publish(&site, &environment, &plain);
        assert_eq!(second(), Vec::<String>::new());
    }
    // Whoever is killed at it leaves nothing either.
    publish(&site, &environment, &r2);
    let proxy = Proxy::start(&garage.endpoint);
    proxy.trouble(|operation| {
        if operation.method == "DELETE" && operation.path.contains("simple/alpha/") {
            return Trouble::Refuse(403, String::new());
        }
        Trouble::None
    });
    let run = Run::of(&mut command(&site, &garage.environment(&proxy.url), &plain));
    run.fails(3, &["cannot delete"]);
    assert!(!second().is_empty());
    publish(&site, &environment, &plain);
    assert_eq!(second(), Vec::<String>::new());
}

/// All objects of a bucket.
fn objects(
    garage: &crate::support::garage::Garage,
    bucket: &str,
) -> std::collections::BTreeMap<String, serde_json::Value> {
    garage.objects(bucket)
}
