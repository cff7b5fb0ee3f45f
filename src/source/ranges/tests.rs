use std::io::Cursor;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A server of a few bytes that fails as it is told to.
struct Server {
    bytes: Vec<u8>,
    /// How many bytes of each answer come before it breaks off; once through, all of them.
    breaks: Vec<usize>,
    ranges: bool,
    suffixes: bool,
    tells_length: bool,
    asked: Vec<Span>,
}

impl Server {
    fn new(length: usize) -> Self {
        let bytes = (0..length).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        Self {
            bytes,
            breaks: Vec::new(),
            ranges: true,
            suffixes: true,
            tells_length: true,
            asked: Vec::new(),
        }
    }
}

/// Gives its bytes, and then fails where it is not the end.
struct Breaking(Cursor<Vec<u8>>, bool);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if self.1 && !buffer.is_empty() => Err(io::Error::other("reset")),
            count => Ok(count),
        }
    }
}

impl Remote for Server {
    fn fetch(&mut self, span: &Span) -> io::Result<Part> {
        self.asked.push(span.clone());
        let length = self.bytes.len() as u64;
        let range = match span {
            _ if !self.ranges => 0..length,
            Span::From(start) => *start..length,
            Span::Within(range) => range.start..range.end.min(length),
            Span::Last(_) if !self.suffixes => 0..length,
            Span::Last(count) => length.saturating_sub(*count)..length,
        };
        let at = |at: u64| usize::try_from(at).expect("fits");
        let mut bytes = self.bytes[at(range.start)..at(range.end)].to_vec();
        let breaks = self.breaks.pop().filter(|count| *count < bytes.len());
        if let Some(count) = breaks {
            bytes.truncate(count);
        }
        Ok(Part {
            start: range.start,
            total: self.tells_length.then_some(length),
            version: Some("1".into()),
            reader: Box::new(Breaking(Cursor::new(bytes), breaks.is_some())),
        })
    }
}

fn reader(server: Server, length: Option<u64>) -> RangeReader<Server> {
    let network = Network { retries: 20, delay: Duration::ZERO, ..Network::default() };
    RangeReader::new(server, length, &network, Arc::default())
}

#[test]
fn what_is_announced_together_is_fetched_together() {
    let mut file = reader(Server::new(200_000), Some(200_000));
    file.announce(&[150_000..150_010, 150_100..150_200, 10..20]);
    let mut bytes = [0; 10];
    for at in [150_000, 150_105, 12, 150_190] {
        file.seek(SeekFrom::Start(at)).expect("seeks");
        file.read_exact(&mut bytes[..5]).expect("reads");
        assert_eq!(u64::from(bytes[0]), at % 251);
    }
    assert_eq!(file.remote.asked, [Span::Within(150_000..150_200), Span::Within(10..20)]);
    // What is held is not asked for again.
    file.announce(&[150_050..150_200, 10..30]);
    file.seek(SeekFrom::Start(25)).expect("seeks");
    file.read_exact(&mut bytes[..5]).expect("reads");
    assert_eq!(file.remote.asked.last(), Some(&Span::Within(20..30)));
}

#[test]
fn reading_on_is_one_request() {
    let mut file = reader(Server::new(300_000), Some(300_000));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("reads");
    assert_eq!(bytes, file.remote.bytes);
    assert_eq!(file.remote.asked, [Span::From(0)]);
}

#[test]
fn what_breaks_off_goes_on_where_it_was() {
    let mut server = Server::new(100_000);
    server.breaks = vec![10_000, 50_000];
    let mut file = reader(server, Some(100_000));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("reads");
    assert_eq!(bytes, file.remote.bytes);
    assert_eq!(file.remote.asked, [Span::From(0), Span::From(50_000), Span::From(60_000)]);
}

#[test]
fn a_server_that_breaks_off_at_once_is_given_up() {
    let mut server = Server::new(1_000);
    server.breaks = vec![0; 100];
    let mut file = reader(server, Some(1_000));
    let error = file.read(&mut [0; 10]).expect_err("fails");
    assert_ne!(error.kind(), io::ErrorKind::UnexpectedEof, "it is not the file that is short");
    assert_eq!(file.remote.asked.len(), 21);
}

#[test]
fn a_server_without_ranges_is_asked_once() {
    let mut server = Server::new(100_000);
    server.ranges = false;
    let mut file = reader(server, Some(100_000));
    file.announce(&[90_000..95_000, 95_000..99_000]);
    let mut bytes = [0; 5];
    for at in [90_000, 5, 99_990] {
        file.seek(SeekFrom::Start(at)).expect("seeks");
        file.read_exact(&mut bytes).expect("reads");
        assert_eq!(u64::from(bytes[0]), at % 251);
    }
    assert_eq!(file.remote.asked.len(), 1);
}

#[test]
fn another_length_is_an_error() {
    for stated in [99, 101] {
        let mut file = reader(Server::new(100), Some(stated));
        let error = file.read(&mut [0; 10]).expect_err("fails").to_string();
        assert_eq!(error, format!("expected {stated} bytes, the server has 100"));
    }
}

#[test]
fn a_file_that_changes_is_an_error() {
    struct Changing(Server, u32);
    impl Remote for Changing {
        fn fetch(&mut self, span: &Span) -> io::Result<Part> {
            self.1 += 1;
            Ok(Part { version: Some(self.1.to_string().into()), ..self.0.fetch(span)? })
        }
    }
    let network = Network::default();
    let server = Changing(Server::new(200_000), 0);
    let mut file = RangeReader::new(server, Some(200_000), &network, Arc::default());
    file.announce(&[0..10, 100_000..100_010]);
    file.read_exact(&mut [0; 10]).expect("reads");
    file.seek(SeekFrom::Start(100_000)).expect("seeks");
    let error = file.read(&mut [0; 10]).expect_err("fails").to_string();
    assert!(error.contains("changed while it was being read"), "{error}");
}

#[test]
fn a_huge_announcement_is_streamed() {
    let mut file = reader(Server::new(1_000), Some(u64::MAX));
    file.announce(&[0..u64::MAX, 5..10]);
    assert!(file.announced.is_empty());
}

/// Something that is done with a file.
#[derive(Debug, Clone)]
enum Act {
    Seek(u64),
    Read(usize),
    Announce(Vec<Range<u64>>),
}

fn act() -> impl Strategy<Value = Act> {
    const LENGTH: u64 = 200_000;
    let range = (0..LENGTH + 100, 0..40_000u64).prop_map(|(start, length)| start..start + length);
    prop_oneof![
        (0..LENGTH + 1_000).prop_map(Act::Seek),
        (0usize..70_000).prop_map(Act::Read),
        prop::collection::vec(range, 0..4).prop_map(Act::Announce),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done with it, whatever the server does: the bytes are those of the file.
    #[test]
    fn reads_as_a_file_does(
        acts in prop::collection::vec(act(), 1..20),
        breaks in prop::collection::vec(0usize..100_000, 0..8),
        length in prop_oneof![Just(200_000usize), 0usize..100, Just(65_577), Just(65_578)],
        (ranges, suffixes, tells_length, is_known) in any::<(bool, bool, bool, bool)>(),
    ) {
        let mut server = Server::new(length);
        server.breaks = breaks;
        server.ranges = ranges;
        server.suffixes = suffixes;
        server.tells_length = tells_length;
        let mut truth = Cursor::new(server.bytes.clone());
        let known = (is_known || (ranges && !tells_length)).then_some(length as u64);
        let mut file = reader(server, known);
        prop_assert_eq!(file.seek(SeekFrom::End(0))?, length as u64);
        file.seek(SeekFrom::Start(0))?;
        for act in acts {
            match act {
                Act::Seek(at) => {
                    prop_assert_eq!(file.seek(SeekFrom::Start(at))?, truth.seek(SeekFrom::Start(at))?);
                }
                Act::Read(count) => {
                    let (mut found, mut expected) = (Vec::new(), Vec::new());
                    (&mut file).take(count as u64).read_to_end(&mut found)?;
                    (&mut truth).take(count as u64).read_to_end(&mut expected)?;
                    prop_assert!(found == expected);
                }
                Act::Announce(announced) => file.announce(&announced),
            }
        }
    }
}
