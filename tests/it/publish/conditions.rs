//! What merges rely on: that conditional writes have one winner. Proven before it is believed.

use super::rounds;
use crate::support::stores;

#[test]
fn of_eight_that_write_at_once_one_wins() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-conditions");
    let rounds = rounds("WHEELSITE_SOAK_CONDITIONS", 3);
    let said = s3.put(&serde_json::json!([{"bucket": bucket, "race": rounds}]));
    for race in said {
        let what = &race["what"];
        assert_eq!(race["rounds"].as_u64(), Some(rounds), "{race}");
        assert_eq!(race["one_winner"].as_u64(), Some(rounds), "{what}: {race}");
    }
}
