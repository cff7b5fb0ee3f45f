//! What goes wrong on the way, request by request.

use std::collections::HashMap;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use super::log::Origin;

/// One thing that goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, with the body that such an answer has.
    Status(u16),
    /// 429 with `retry-after` of so many seconds.
    TooMany(u64),
    /// The connection is reset before any answer.
    Reset,
    /// The connection is reset after so many bytes of the body (modulo its length).
    ResetAfter(u64),
    /// The connection is closed in order, but after so many bytes of the body (modulo its length).
    TruncateAfter(u64),
    /// The answer comes late.
    Slow(Duration),
    /// Never answers; gives up with the client, or after half a minute.
    Stall,
    /// 200 with the whole file for a request of a range.
    IgnoreRange,
    /// 403 of the object store, whatever the signature.
    ExpiredSignature,
    /// `Content-Range` states a total that is off by this, the API a `size` that is.
    WrongLength(i64),
}

/// What a fault is decided upon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) origin: Origin,
    pub(crate) method: &'a str,
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) range: Option<&'a str>,
    /// How often the same was asked, from 1. Signatures make no difference.
    pub(crate) times: u64,
}

type Decide = Box<dyn FnMut(&Asked) -> Option<Fault> + Send>;

/// Decides what goes wrong; the first part that says something holds.
#[derive(Default)]
pub(crate) struct Faults {
    parts: Vec<Decide>,
    asked: HashMap<String, u64>,
}

impl Faults {
    /// Nothing goes wrong.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What a closure says.
    pub(crate) fn by(decide: impl FnMut(&Asked) -> Option<Fault> + Send + 'static) -> Self {
        Self::none().or(decide)
    }

    /// Each request fails with this probability, in a way that the seed decides.
    ///
    /// The same request for the same time fails the same way whatever else is under
    /// way, so that a seed that found something finds it again.
    pub(crate) fn seeded(seed: u64, rate: f64) -> Self {
        Self::seeded_at_first(seed, rate, u64::MAX)
    }

    /// Like [`Self::seeded`], but only the first tries of the same request fail: a client
    /// that tries once more than that gets through.
    pub(crate) fn seeded_at_first(seed: u64, rate: f64, tries: u64) -> Self {
        Self::by(move |asked| {
            let mut random = Random(seed ^ hash(&key(asked)) ^ mix(asked.times));
            let fails = asked.times <= tries && random.share() < rate;
            fails.then(|| random.fault(asked))
        })
    }

    /// One fault for the requests of an origin (`None`: any) whose path contains a text; `times`
    /// counts those, from 1: `1..=1` is the first one only, `..` each.
    pub(crate) fn on(
        origin: impl Into<Option<Origin>>,
        path: &str,
        times: impl RangeBounds<u64>,
        fault: Fault,
    ) -> Self {
        Self::none().and_on(origin, path, times, fault)
    }

    /// One more like that of [`Self::on`].
    pub(crate) fn and_on(
        self,
        origin: impl Into<Option<Origin>>,
        path: &str,
        times: impl RangeBounds<u64>,
        fault: Fault,
    ) -> Self {
        let (origin, path) = (origin.into(), path.to_owned());
        let times: (Bound<u64>, Bound<u64>) =
            (times.start_bound().cloned(), times.end_bound().cloned());
        let mut count = 0;
        self.or(move |asked| {
            let matches = origin.is_none_or(|origin| origin == asked.origin)
                && asked.path.contains(path.as_str());
            count += u64::from(matches);
            (matches && times.contains(&count)).then_some(fault)
        })
    }

    /// What a closure says where nothing else was said.
    pub(crate) fn or(
        mut self,
        decide: impl FnMut(&Asked) -> Option<Fault> + Send + 'static,
    ) -> Self {
        self.parts.push(Box::new(decide));
        self
    }

    pub(super) fn decide(&mut self, mut asked: Asked) -> Option<Fault> {
        let times = self.asked.entry(key(&asked)).or_default();
        *times += 1;
        asked.times = *times;
        // Each part sees each request, so that its count is right.
        let said: Vec<_> = self.parts.iter_mut().map(|decide| decide(&asked)).collect();
        said.into_iter().flatten().next()
    }
}

/// What makes requests the same.
fn key(asked: &Asked) -> String {
    let Asked { origin, method, path, range, .. } = asked;
    let path = match origin {
        Origin::Blob => path.split('?').next().unwrap_or_default(),
        Origin::Api | Origin::Web => path,
    };
    format!("{origin:?} {method} {path} {}", range.unwrap_or_default())
}

/// Splitmix64: small, and good enough to pick faults.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("has 32 bits");
        f64::from(bits) / f64::from(u32::MAX)
    }

    fn fault(&mut self, asked: &Asked) -> Fault {
        let mut choices = vec![
            Fault::Status(500),
            Fault::Status(502),
            Fault::Status(503),
            Fault::TooMany(0),
            Fault::Reset,
            Fault::ResetAfter(self.next() % (1 << 20)),
            Fault::TruncateAfter(self.next() % (1 << 20)),
            Fault::Slow(Duration::from_millis(1 + self.next() % 20)),
        ];
        if asked.origin == Origin::Blob {
            choices.push(Fault::ExpiredSignature);
            if asked.range.is_some() {
                choices.push(Fault::IgnoreRange);
            }
        }
        let choice = self.next() % choices.len() as u64;
        choices[super::content::index(choice)]
    }
}

/// Spreads the bits of a number.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// FNV-1a: the same in each run, unlike the hashes of the standard library.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
