//! Fetching against scripted answers, kinds by their bytes, uploads and their links.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;

use super::fetch::{Contents, Problem, fetch};
use super::kind::{self, Unsuitable};
use super::*;
use crate::clock::ManualClock;
use crate::transport::Failure;

const MEDIUM: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM1/Media/ME1";

/// Answers in order, and what was asked, with whether a credential came along.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<http::Response<Bytes>, Failure>>>,
    asked: Mutex<Vec<(String, bool)>>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        let seen = (request.uri().to_string(), request.headers().contains_key("authorization"));
        self.asked.lock().unwrap().push(seen);
        self.answers.lock().unwrap().pop_front().unwrap()
    }
}

fn script(answers: impl IntoIterator<Item = (u16, &'static str)>) -> Script {
    let answer = |(status, told): (u16, &str)| {
        let header = if (300..400).contains(&status) { "location" } else { "content-type" };
        Ok(http::Response::builder().status(status).header(header, told).body("GIF89a".into()).unwrap())
    };
    Script { answers: Mutex::new(answers.into_iter().map(answer).collect()), ..Script::default() }
}

fn channels(base_url: &str) -> Channels {
    let text = format!(
        "[sms]\nkind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = '12345'\n\
         from = '+15558675310'\nbase_url = '{base_url}'"
    );
    Channels::build(&toml::from_str(&text).unwrap(), &crate::channels::no_components).unwrap()
}

/// Fetches from the real Twilio, as far as the script goes.
async fn fetched(public: &Script) -> Result<Contents, Problem> {
    let channels = channels("https://api.twilio.com");
    let channel = channels.get("sms").unwrap();
    fetch(channel.as_ref(), &Script::default(), public, &format!("https://api.twilio.com{MEDIUM}")).await
}

#[tokio::test]
async fn redirects_are_followed_and_the_credential_goes_to_the_first_alone() {
    let public = script([(307, "https://mms.twiliocdn.com/a?s=1"), (302, "/b"), (200, "image/gif")]);
    let contents = fetched(&public).await.unwrap();
    assert_eq!((&contents.body[..], contents.content_type.as_deref()), (&b"GIF89a"[..], Some("image/gif")));
    let asked = public.asked.into_inner().unwrap();
    let expected = [
        (format!("https://api.twilio.com{MEDIUM}"), true),
        ("https://mms.twiliocdn.com/a?s=1".to_owned(), false),
        ("https://mms.twiliocdn.com/b".to_owned(), false),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_redirect_elsewhere_is_not_followed() {
    let evil = [
        "http://169.254.169.254/latest/meta-data/",
        "http://mms.twiliocdn.com/a",
        "file:///etc/passwd",
        "https://evil.example/a",
        "//evil.example/a",
        "https://mms.twiliocdn.com@127.0.0.1/a",
        "/2010-04-01/Accounts.json",
    ];
    for location in evil {
        let public = script([(302, location)]);
        assert!(matches!(fetched(&public).await, Err(Problem::Final(text)) if text.contains("led to")), "{location}");
        assert_eq!(public.asked.into_inner().unwrap().len(), 1, "{location}");
    }
    let endless = script((0..9).map(|_| (302, "https://mms.twiliocdn.com/a")));
    assert_eq!(fetched(&endless).await.unwrap_err(), Problem::Final("more than 5 redirects".to_owned()));
    assert_eq!(endless.asked.into_inner().unwrap().len(), 6);
}

#[tokio::test]
async fn only_a_local_twilio_is_reached_without_the_guard() {
    let channels = channels("http://127.0.0.1:8081");
    let channel = channels.get("sms").unwrap();
    let (chosen, public) = (script([(307, "/a"), (302, "https://mms.twiliocdn.com/b")]), script([(200, "image/gif")]));
    fetch(channel.as_ref(), &chosen, &public, &format!("http://127.0.0.1:8081{MEDIUM}")).await.unwrap();
    assert_eq!(chosen.asked.into_inner().unwrap()[1], ("http://127.0.0.1:8081/a".to_owned(), false));
    assert_eq!(public.asked.into_inner().unwrap(), [("https://mms.twiliocdn.com/b".to_owned(), false)]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for status in [404, 408, 425, 429, 500, 502, 503, 504] {
        assert!(matches!(fetched(&script([(status, "")])).await, Err(Problem::Passing(_))), "{status}");
    }
    for status in [204, 206, 302, 400, 401, 403, 410, 451] {
        assert!(matches!(fetched(&script([(status, "")])).await, Err(Problem::Final(_))), "{status}");
    }
    let failing = |failure: Failure| Script { answers: Mutex::new([Err(failure)].into()), ..Script::default() };
    for failure in [Failure::NotSent("no".to_owned()), Failure::Unanswered("timed out".to_owned())] {
        assert!(matches!(fetched(&failing(failure)).await, Err(Problem::Passing(_))));
    }
    let too_long = fetched(&failing(Failure::TooLong(64))).await.unwrap_err();
    assert!(matches!(too_long, Problem::Final(text) if text.contains("64") && text.contains("media.max_bytes")));
}

#[test]
fn bytes_say_what_a_file_is_and_words_only_where_they_do_no_harm() {
    let cases: [(&[u8], Option<&str>, &str); 22] = [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("text/html"), "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None, "image/png"),
        (b"GIF89a\x01\0\x01\0", Some("image/png"), "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", Some("IMAGE/WEBP; q=1"), "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/x-wav"), "audio/vnd.wave"),
        (b"%PDF-1.7\n", None, "application/pdf"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", None, "video/mp4"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", Some("audio/mp4"), "audio/mp4"),
        (b"\0\0\0\x18ftyp3gp4\0\0\0\0", Some("audio/3gpp"), "audio/3gpp"),
        (b"#!AMR\n\x3c", Some("audio/amr"), "audio/amr"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", Some("text/x-vcard"), "text/vcard"),
        (b"\xef\xbb\xbfbegin:vcard\r\n", None, "text/vcard"),
        (b"BEGIN:VCALENDAR\r\n", Some("text/plain"), "text/calendar"),
        (b"a,b\n1,2\n", Some("text/csv"), "text/csv"),
        (b"hola", Some("text/plain; charset=utf-8"), "text/plain"),
        (b"hola", None, kind::UNKNOWN),
        (b"a\0b", Some("text/plain"), kind::UNKNOWN),
        (b"alert(1)", Some("application/javascript"), kind::UNKNOWN),
        (b"hola", Some("image/png"), kind::UNKNOWN),
        (b" \n<svg xmlns='http://www.w3.org/2000/svg'>", Some("image/svg+xml"), "text/html"),
        (b"<?xml version='1.0'?><svg/>", Some("image/png"), "text/html"),
        (b"<!DOCTYPE html><script>", Some("text/plain"), "text/html"),
    ];
    for (contents, told, expected) in cases {
        assert_eq!(kind::sniff(contents, told), expected, "{:?} {told:?}", contents.escape_ascii().to_string());
    }
}

#[test]
fn what_a_browser_might_run_is_served_as_nothing_in_particular() {
    for kind in ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "application/javascript", "x"] {
        assert_eq!((kind::served(kind), kind::is_shown(kind)), (kind::UNKNOWN, false), "{kind}");
    }
    for (kind, shown) in [("image/png", true), ("video/mp4", true), ("application/pdf", false), ("text/vcard", false)] {
        assert_eq!((kind::served(kind), kind::is_shown(kind)), (kind, shown));
    }
    for kind in ["image/jpeg", "audio/vnd.rn-realaudio", "text/vcard", "text/plain", "video/H263-1998", "a/b", ""] {
        let name = kind::file_name(kind);
        assert!(name.len() <= 20 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'), "{name}");
    }
    assert_eq!((kind::by_name("a.b.JPEG"), kind::by_name("contacto.vcf")), (Some("image/jpeg"), Some("text/vcard")));
    assert_eq!((kind::by_name("page.html"), kind::by_name("jpg")), (None, None));
}

#[test]
fn what_can_not_be_sent_is_refused_with_the_reason() {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
    assert_eq!(kind::sendable(GIF, None), Ok("image/gif".to_owned()));
    assert_eq!(kind::sendable(GIF, Some("application/octet-stream")), Ok("image/gif".to_owned()));
    assert_eq!(kind::sendable(b"a,b", Some("text/csv")), Ok("text/csv".to_owned()));
    assert_eq!(kind::sendable(b"BEGIN:VCARD", Some("text/x-vcard")), Ok("text/vcard".to_owned()));
    let contradicted = |declared: &str, found: &str| {
        Err(Unsuitable::Contradicted { declared: declared.to_owned(), found: found.to_owned() })
    };
    assert_eq!(kind::sendable(GIF, Some("image/png")), contradicted("image/png", "image/gif"));
    assert_eq!(kind::sendable(b"hola", Some("image/png")), contradicted("image/png", "something else"));
    assert_eq!(kind::sendable(b"<svg>", Some("image/png")), contradicted("image/png", "text/html"));
    assert_eq!(kind::sendable(b"hola", None), Err(Unsuitable::Unknown));
    assert_eq!(kind::sendable(b"hola", Some("text/plain")), Err(Unsuitable::NotCarried("text/plain".to_owned())));
    assert_eq!(kind::sendable(b"<svg>", None), Err(Unsuitable::NotCarried("text/html".to_owned())));
    assert_eq!(kind::sendable(b"PK\x03\x04", None), Err(Unsuitable::NotCarried("application/zip".to_owned())));
    assert_eq!(kind::sendable(GIF, Some("gif")), Err(Unsuitable::Misdeclared));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_shown_by_a_link_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap()));
    let url = format!("sqlite://{}", folder.path().join("recado.db").display());
    let (store, _recordings) = Store::open(&store_settings(url)).await.unwrap();
    let uploads = Uploads::new(UploadsParts {
        store,
        files: Files::open(&folder.path().join("media"), clock.now()).unwrap(),
        clock: Arc::<ManualClock>::clone(&clock),
        ids: Arc::default(),
        public_url: "https://sms.example.mx/base".to_owned(),
        max_bytes: 100,
        link_ttl_h: 48,
        random: || Some([7; 24]),
    });
    assert!(matches!(uploads.take(Bytes::new(), None).await, Err(Error::Empty)));
    let upload = uploads.take("GIF89a\u{1}\0\u{1}\0".into(), Some("image/gif")).await.unwrap();
    assert_eq!((upload.bytes, upload.content_type.as_str()), (10, "image/gif"));
    let mut media = ["https://example.mx/a.png".to_owned(), upload.media.clone()];
    // It leaves ten hours later, and the link is for those who fetch it then.
    let leaves = clock.now() + jiff::SignedDuration::from_hours(10);
    uploads.publish(&mut media, Some(leaves)).await.unwrap();
    let token = "07".repeat(24);
    assert_eq!(
        media,
        ["https://example.mx/a.png".to_owned(), format!("https://sms.example.mx/base/media/{token}/image.gif")]
    );

    let file = uploads.linked(&token, "image.gif").await.unwrap().unwrap();
    assert_eq!((file.digest, file.bytes, file.content_type), (upload.sha256, 10, upload.content_type));
    assert_eq!(uploads.linked(&token, "image.png").await.unwrap(), None, "another name");
    assert_eq!(uploads.linked(&"08".repeat(24), "image.gif").await.unwrap(), None, "another token");
    assert_eq!(uploads.own_link(&media[0], leaves), None, "it is elsewhere");
    clock.advance(Duration::from_hours(58) - Duration::from_millis(1));
    assert_eq!(uploads.own_link(&media[1], leaves), Some(format!("/media/{token}/image.gif").as_str()));
    assert!(uploads.linked(&token, "image.gif").await.unwrap().is_some());
    clock.advance(Duration::from_millis(1));
    assert_eq!(uploads.linked(&token, "image.gif").await.unwrap(), None, "its time is over");
    assert_eq!(uploads.own_link(&media[1], leaves), None);

    for wrong in ["media:", "media:nonsense", "media:0192f3a4-5b6c-7d8e-9f00-112233445566"] {
        let mut media = [wrong.to_owned()];
        assert!(matches!(uploads.publish(&mut media, None).await, Err(Error::NoUpload(_))), "{wrong}");
    }
}

/// A clock that is looked at once a second.
struct Ticking(ManualClock);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.0.advance(Duration::from_secs(1));
        self.0.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_somebody_else_is_about_to_put_down_stays() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Ticking(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap())));
    let url = format!("sqlite://{}", folder.path().join("recado.db").display());
    let (store, _recordings) = Store::open(&store_settings(url)).await.unwrap();
    let files = Files::open(&folder.path().join("media"), clock.now()).unwrap();
    let worker = Parts {
        store: store.clone(),
        channels: channels("https://api.twilio.com"),
        chosen: Arc::new(Script::default()),
        public: Arc::new(script([(200, "image/gif")])),
        files: files.clone(),
        clock: Arc::<Ticking>::clone(&clock),
        ids: Arc::default(),
        settings: usual(),
        wanted: Arc::default(),
    };
    let now = clock.now();
    let digest = files.keep("GIF89a".into(), worker.ids.next(now), now).await.unwrap();
    // Its message was erased meanwhile.
    let medium = WantedMedia {
        message_id: crate::message::MessageId(worker.ids.next(now)),
        position: 0,
        channel: "sms".to_owned(),
        url: format!("https://api.twilio.com{MEDIUM}"),
        content_type: None,
        tries: 1,
    };
    worker.take(medium).await;
    let file = StoredFile { digest: digest.clone(), bytes: 6, content_type: "image/gif".to_owned() };
    store.create_upload(worker.ids.next(now), file, now).await.unwrap();
    let pieces: Vec<Bytes> = files.pieces(&digest, 0, 6).await.unwrap().try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"GIF89a");
    let dropped = store.dropped_files("", 10).await.unwrap();
    assert_eq!(dropped.iter().map(|file| (&file.digest, file.is_had)).collect::<Vec<_>>(), [(&digest, true)]);
}

fn store_settings(url: String) -> crate::store::Settings {
    crate::store::Settings { url, readers: 1, queue: 10, timeout_s: 30 }
}

fn usual() -> Settings {
    Settings {
        path: "media".into(),
        max_bytes: 1,
        parallel: 1,
        timeout_s: 30,
        tries: 1,
        backoff_s: 2,
        backoff_max_s: 60,
        link_ttl_h: 11,
    }
}

#[test]
fn pauses_double_up_to_the_cap_and_settings_that_make_no_sense_are_named() {
    for (tries, seconds) in [(1, 2), (2, 4), (5, 32), (6, 60), (40, 60)] {
        assert_eq!(usual().backoff(tries), Duration::from_secs(seconds));
    }
    assert_eq!(usual().check(), Ok(()));
    let wrong = [
        (Settings { max_bytes: 0, ..usual() }, "max_bytes"),
        (Settings { parallel: 0, ..usual() }, "parallel"),
        (Settings { timeout_s: 0, ..usual() }, "timeout_s"),
        (Settings { tries: 0, ..usual() }, "tries"),
        (Settings { link_ttl_h: 10, ..usual() }, "link_ttl_h"),
    ];
    for (settings, key) in wrong {
        assert_eq!(settings.check().map_err(|(key, _)| key), Err(key));
    }
}
