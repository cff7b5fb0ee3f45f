//! When to try again, and after how long.

use std::time::Duration;

use super::Network;

/// No pause between two attempts is longer than this.
const LONGEST: Duration = Duration::from_secs(10);

/// The attempts at one request.
pub(crate) struct Retry {
    left: u32,
    all: u32,
    delay: Duration,
    first: Duration,
    wait_left: Duration,
}

impl Retry {
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            left: network.retries,
            all: network.retries,
            delay: network.delay,
            first: network.delay,
            wait_left: network.max_wait,
        }
    }

    /// Something came: what fails from here on is counted anew.
    pub(crate) fn progress(&mut self) {
        self.left = self.all;
        self.delay = self.first;
    }

    /// Pauses before the next attempt; says whether there is one.
    ///
    /// Pauses differ at random, so that those who failed together do not come back together.
    pub(crate) fn pause(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        std::thread::sleep(self.delay.mul_f64(fastrand::f64().mul_add(0.5, 0.75)));
        self.delay = (self.delay * 2).min(LONGEST);
        true
    }

    /// Waits as long as a server said; says whether there is another attempt after it.
    pub(super) fn wait(&mut self, wait: Duration) -> bool {
        if self.left == 0 || wait > self.wait_left {
            return false;
        }
        self.left -= 1;
        self.wait_left -= wait;
        std::thread::sleep(wait);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network { retries: 2, delay: Duration::ZERO, ..Network::default() }
    }

    #[test]
    fn attempts_end_and_progress_begins_anew() {
        let mut retry = Retry::new(&network());
        assert!(retry.pause() && retry.pause() && !retry.pause());
        retry.progress();
        assert!(retry.pause());
    }

    #[test]
    fn waiting_is_bounded() {
        let mut retry = Retry::new(&network());
        assert!(!retry.wait(Duration::from_secs(121)));
        assert!(retry.wait(Duration::ZERO));
    }
}
