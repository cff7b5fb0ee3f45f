//! pip and uv install what lies in buckets.

use serde_json::json;

use super::Bucket;
use crate::support::clients::{CLIENTS, Index};
use crate::support::{Run, Wheel, stores};

#[test]
fn clients_install_from_the_bucket_itself() {
    let (Some(s3), Some(index)) = (stores::s3(), Index::new()) else { return };
    let mut bucket = Bucket::public(s3, "s3", "links");
    bucket.workspace = index.workspace;
    bucket.wheel("w/", &Wheel::new("demo", "1.0+cu128"), &json!({"checksum": true}));
    bucket.build("w", &[]).works();
    let index = Index { bin: index.bin, workspace: bucket.workspace };
    let served = index.serve();
    for client in CLIENTS {
        let installed = index.install(client, &served.index(), &["demo"]);
        installed.has(&["demo==1.0+cu128"]);
        installed.runs(&index, "import demo; assert demo.__version__ == '1.0+cu128'");
    }
    assert!(served.log().iter().all(|line| !line.contains(".whl ")), "{:?}", served.log());
}

#[test]
fn a_private_bucket_is_carried_by_the_site() {
    let (Some(s3), Some(index)) = (stores::s3(), Index::new()) else { return };
    let mut bucket = Bucket::private(s3, "s3", "carried");
    bucket.workspace = index.workspace;
    bucket.wheel("w/", &Wheel::new("demo", "1.0+cu128"), &json!({"checksum": true}));
    bucket.wheel("w/", &Wheel::new("demo", "2.0"), &json!({}));
    let spec = bucket.spec("w");
    let run = Run::of(&mut bucket.command(&["build", "--source", &spec]));
    run.fails(2, &["demo-1.0+cu128-py3-none-any.whl", "public_url", "--files copy"]);
    let all = ["build", "--format", "json", "--source", &spec, "--files", "copy"];
    Run::of(&mut bucket.command(&all)).works();
    let again = Run::of(&mut bucket.command(&all)).works().json();
    assert_eq!(again["bytes_read"], 0);
    let index = Index { bin: index.bin, workspace: bucket.workspace };
    let served = index.serve();
    for client in CLIENTS {
        index.install(client, &served.index(), &["demo==1.0+cu128"]).has(&["demo==1.0+cu128"]);
        index.install(client, &served.index(), &["demo"]).has(&["demo==2.0"]);
    }
}
