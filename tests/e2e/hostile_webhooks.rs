//! Webhooks that somebody bent, cut, forged or sent again: none is let in that Twilio did not sign,
//! none leaves a row, none makes the gateway stumble.
//!
//! Every request comes of a seed, which is told when it fails.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use recado_tests::{ACCOUNT_SID, NUMBER, TestGateway, at_once, form, sign};

use super::{message_sid, number};

const CONNECTIONS: usize = 8;
const EACH: usize = 12_500;
/// A connection does not outlive a longer body that nobody wanted to read.
const LIMIT: usize = 64 * 1024;
const CUSTOMER: &str = "+529981122334";
/// Every table that a webhook may fill.
const TABLES: [&str; 10] = [
    "messages",
    "conversations",
    "contacts",
    "addresses",
    "media",
    "parts",
    "attempts",
    "traces",
    "consents",
    "observations",
];

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A request as it is written.
#[derive(Clone)]
struct Bent {
    method: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    /// How much of it is written before the connection is closed; none for all of it.
    cut: Option<usize>,
}

impl std::fmt::Debug for Bent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes()))
    }
}

impl Bent {
    fn new(method: &str, target: &str, signature: &str, content_type: &str, body: &str) -> Self {
        let headers = [("host", "gateway"), ("x-twilio-signature", signature), ("content-type", content_type)];
        Self {
            method: method.into(),
            target: target.into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).to_vec(),
            body: body.into(),
            cut: None,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.method, b" ".as_slice(), &self.target, b" HTTP/1.1\r\n"].concat();
        for (name, value) in &self.headers {
            bytes.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).bytes());
        bytes.extend(&self.body);
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        bytes
    }
}

/// Requests as Twilio sends them, all of which the gateway has had before.
fn genuine(gateway: &TestGateway) -> Vec<Bent> {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let report = pairs(&[
        ("MessageSid", &message_sid()),
        ("MessageStatus", "delivered"),
        ("AccountSid", ACCOUNT_SID),
        ("From", NUMBER),
        ("To", CUSTOMER),
    ]);
    let mut all = Vec::new();
    for (tail, parameters) in [
        ("sms/inbound", form(&message_sid(), CUSTOMER, "¿Qué tal? 😀 a+b&c=d")),
        ("sms/inbound?tenant=t1", form(&message_sid(), CUSTOMER, "")),
        ("twilio/inbound", form(&message_sid(), CUSTOMER, "Hola")),
        ("sms/status?part=01936f2e-7d4a-7000-8000-000000000001", report.clone()),
        ("twilio/status", report),
    ] {
        let (signature, body) = sign(&gateway.webhook_url(tail), &parameters);
        all.push(Bent::new("POST", &format!("/webhooks/{tail}"), &signature, FORM, &body));
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form(&message_sid(), CUSTOMER, "Por GET"))
        .finish();
    let tail = format!("sms/inbound?{query}");
    let (signature, _) = sign(&gateway.webhook_url(&tail), &[]);
    all.push(Bent::new("GET", &format!("/webhooks/{tail}"), &signature, "text/plain", ""));
    let sid = message_sid();
    let body = format!(r#"{{"MessageSid":"{sid}","From":"{CUSTOMER}","To":"{NUMBER}","Body":"Por JSON","Extra":[1]}}"#);
    let tail = format!("sms/inbound?bodySHA256={}", sha256(body.as_bytes()));
    let (signature, _) = sign(&gateway.webhook_url(&tail), &[]);
    all.push(Bent::new("POST", &format!("/webhooks/{tail}"), &signature, "application/json", &body));
    all
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}

/// One request, bent in one to three ways; now and then in none.
fn bend(random: &mut Random, genuine: &[Bent]) -> Bent {
    let mut bent = random.pick(genuine).clone();
    for _ in 0..random.below(4) {
        match random.below(16) {
            0..=3 => bend_bytes(random, &mut bent.body),
            4..=5 => {
                bend_bytes(random, &mut bent.target);
                // A line is a line; what else stands in it is the gateway's to judge.
                bent.target.retain(|byte| !matches!(byte, b' ' | b'\r' | b'\n'));
            }
            6 => bend_bytes(random, &mut bent.headers[1].1),
            7 => bent.headers[2].1 = random.pick(&TYPES).as_bytes().to_vec(),
            8..=10 => bend_parameters(random, &mut bent.body),
            11 => bent.method = random.pick(&METHODS).as_bytes().to_vec(),
            12 => bent.headers[1 + random.below(2)].0 = b"x-other".to_vec(),
            13 => bent.body = random.pick(genuine).body.clone(),
            14 => bent.cut = Some(random.below(bent.bytes().len())),
            _ => wrong_encoding(random, &mut bent.body),
        }
    }
    for (_, value) in &mut bent.headers {
        value.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    }
    bent
}

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "post"];
const TYPES: [&str; 8] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "",
    "\u{e9}\u{ff}",
    ";",
];

fn bend_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len() + 1);
    match random.below(5) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, random.byte()),
        3 => {
            let end = (at + random.below(20)).min(bytes.len());
            drop(bytes.drain(at..end));
        }
        _ => {
            let end = (at + random.below(20)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, piece));
        }
    }
}

fn bend_parameters(random: &mut Random, body: &mut Vec<u8>) {
    let mut pairs: Vec<Vec<u8>> = body.split(|byte| *byte == b'&').map(<[u8]>::to_vec).collect();
    let at = random.below(pairs.len());
    match random.below(4) {
        0 => drop(pairs.remove(at)),
        1 => pairs.push(pairs[at].clone()),
        2 => pairs.insert(at, b"Body=otro".to_vec()),
        _ => {
            let other = random.below(pairs.len());
            pairs.swap(at, other);
        }
    }
    *body = pairs.join(&b'&');
}

fn wrong_encoding(random: &mut Random, body: &mut Vec<u8>) {
    match random.below(5) {
        0 => *body = body.iter().flat_map(|byte| [*byte, 0]).collect(),
        1 => body.extend(b"&Body=%ff%fe"),
        2 => body.extend(b"&Body=%zz"),
        3 => body.extend(b"&a=%00&%00=b"),
        // Too long, as few are: they cost the most time.
        _ if random.below(8) == 0 => body.extend(std::iter::repeat_n(b'a', 70_000)),
        _ => body.extend(b"\xf0\x9f&&&=&"),
    }
}

/// A connection that is kept for as long as the gateway keeps it.
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    /// The status of the answer; none where the request broke off and there is none.
    fn send(&mut self, bent: &Bent) -> Option<u16> {
        let stream = self.stream.take().unwrap_or_else(|| connect(self.address));
        let mut stream = stream;
        // The gateway may have had enough before it has all.
        let written = stream.write_all(&bent.bytes());
        if bent.cut.is_some() {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let answer = read(&mut stream);
        // Whoever sends too much may be answered before it was all read, and is then cut off.
        let modest = bent.body.len() < LIMIT;
        if written.is_ok() && bent.cut.is_none() && modest && answer.is_some_and(|(_, stays)| stays) {
            self.stream = Some(stream);
        }
        answer.map(|(status, _)| status)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The status, and whether the connection stays open.
fn read(stream: &mut TcpStream) -> Option<(u16, bool)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length: usize = header("content-length:").map_or(0, |length| length.parse().unwrap());
            let status = text.split(' ').nth(1).unwrap().parse().unwrap();
            if bytes.len() >= head + 4 + length {
                return Some((status, header("connection:") != Some("close")));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

/// How many rows each table has.
fn count(gateway: &TestGateway) -> Vec<(&'static str, i64)> {
    TABLES.map(|table| (table, number(gateway, &format!("SELECT COUNT(*) AS number FROM {table}")))).to_vec()
}

/// What the requests of one connection came to: how many reports were let in, and which went wrong.
fn storm(address: SocketAddr, genuine: &[Bent], connection: usize) -> (i64, usize, Vec<String>) {
    let mut stream = Connection { address, stream: None };
    let (mut reports, mut refused, mut wrong) = (0, 0, Vec::new());
    for number in 0..EACH {
        let seed = u64::try_from(connection * EACH + number).unwrap();
        let bent = bend(&mut Random(seed), genuine);
        match stream.send(&bent) {
            Some(200) if bent.target.windows(7).any(|window| window == b"/status") => reports += 1,
            Some(status) if status >= 500 => wrong.push(format!("seed {seed}: {status} to {bent:?}")),
            Some(400..) => refused += 1,
            None if bent.cut.is_none() && bent.body.len() < LIMIT => {
                wrong.push(format!("seed {seed}: no answer to {bent:?}"));
            }
            _ => {}
        }
    }
    (reports, refused, wrong)
}

#[test]
fn a_hundred_thousand_bent_webhooks_leave_no_row_and_no_error() {
    let gateway = TestGateway::builder().config_toml("[log]\nlevel = \"error,recado::cli=info\"").start();
    let genuine = genuine(&gateway);
    let mut first = Connection { address: gateway.address(), stream: None };
    for bent in &genuine {
        assert_eq!(first.send(bent), Some(200), "{bent:?}");
    }
    let before = count(&gateway);
    assert_eq!(before[0].1, 9, "five messages, and replies to those that say something");
    assert_eq!(before[9].1, 1, "the same report at two addresses");
    let times = || number(&gateway, "SELECT SUM(times) AS number FROM observations");
    assert_eq!(times(), 2);
    let came_to = at_once(CONNECTIONS, |connection| storm(gateway.address(), &genuine, connection));
    let wrong: Vec<&String> = came_to.iter().flat_map(|(_, _, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{} went wrong, such as {:#?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    let refused: usize = came_to.iter().map(|(_, refused, _)| refused).sum();
    assert!(refused > CONNECTIONS * EACH / 2, "most are refused: {refused}");
    assert_eq!(count(&gateway), before);
    let reports: i64 = came_to.iter().map(|(reports, _, _)| reports).sum();
    assert!(reports > 0, "some came again as they were");
    assert_eq!(times() - 2, reports, "each that was let in again is counted, and no other");
    // It works on as before.
    assert_eq!(gateway.signed_webhook("sms/inbound", &form(&message_sid(), CUSTOMER, "Sigue")).status(), 200);
}
