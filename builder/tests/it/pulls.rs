//! Images: where they come from, and that they stay the same.

use crate::support::{Registry, Workshop, images};

const ROW: &str = "tiny-1.0-cp311-cu135-x86_64";

fn tiny(workshop: &Workshop, image: &str, runtime: &str) {
    workshop.tiny(&[], &format!("image: {image}\nruntime_image: {runtime}\nretries: 2"));
}

#[test]
fn a_pull_that_fails_in_passing_is_tried_again() {
    let Some(workshop) = Workshop::new() else { return };
    let registry = Registry::of(workshop.podman, images::RUNTIME);
    // podman itself gives up after the first.
    registry.refuse(2);
    tiny(&workshop, &registry.image(), &registry.image());
    let run = workshop.build(&[ROW]).works();
    workshop.has("tiny-1.0+cu135-py3-none-any.whl");
    assert!(run.stderr.contains("503") || run.stderr.contains("not now"), "{}", run.stderr);
}

#[test]
fn an_image_that_is_nowhere_is_not_asked_for_again() {
    let Some(workshop) = Workshop::new() else { return };
    let registry = Registry::of(workshop.podman, images::RUNTIME);
    tiny(&workshop, &registry.nothing(), images::RUNTIME);
    let run = workshop.build(&[ROW]);
    run.fails(3, &[&registry.nothing(), "hint:"]);
    workshop.is_clean();
    let asked = registry.log();
    let asked = asked.iter().filter(|it| it.contains("/nothing/manifests/")).count();
    assert_eq!(asked, 1);
}

#[test]
fn a_registry_that_is_away_is_said_so() {
    let Some(workshop) = Workshop::new() else { return };
    // Nothing listens on this port.
    let image = "127.0.0.1:1/tests/image:1";
    workshop.tiny(&[], &format!("image: {image}\nruntime_image: {image}\nretries: 1"));
    let run = workshop.build(&[ROW]);
    run.fails(3, &[image, "connection refused", "hint:"]);
    workshop.is_clean();
}

/// A tag can move between two rows; the lock file says which image was meant.
#[test]
fn a_tag_that_moves_changes_nothing_until_the_lock_is_updated() {
    let Some(workshop) = Workshop::new() else { return };
    let registry = Registry::of(workshop.podman, images::RUNTIME);
    tiny(&workshop, &registry.image(), &registry.image());
    workshop.build(&[ROW]).works();
    let lock = workshop.read("config/packages.lock");
    assert!(lock.contains(&registry.image()) && lock.contains("sha256:"), "{lock}");
    let report = "wheels/tiny-1.0+cu135-py3-none-any.whl.build.json";
    let before = workshop.read(report);

    registry.move_tag();
    registry.forget();
    std::fs::remove_dir_all(workshop.path("wheels")).expect("removes");
    workshop.build(&[ROW]).works();
    assert_eq!(workshop.read("config/packages.lock"), lock);
    let digest = |text: &str| {
        let at = text.find("sha256:").expect("has a digest");
        text[at..at + 71].to_owned()
    };
    assert!(before.contains(&digest(&lock)), "{before}");
    assert!(workshop.read(report).contains(&digest(&lock)));

    workshop.build(&[ROW, "--update-lock"]).works();
    let updated = workshop.read("config/packages.lock");
    assert_ne!(digest(&updated), digest(&lock));
    assert!(workshop.read(report).contains(&digest(&updated)));
}
