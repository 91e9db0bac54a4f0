//! What a file is: by its bytes first, by what was told second.
//!
//! What was told counts only where the bytes say nothing and no browser would run it. Pure.

/// What nothing is known of.
pub const UNKNOWN: &str = "application/octet-stream";

/// Texts that have no signature, and do no harm.
const TEXTS: [&str; 7] =
    ["text/plain", "text/vcard", "text/csv", "text/calendar", "text/richtext", "text/rtf", "text/directory"];

/// What may be uploaded: what Twilio takes for messages. A table of its own for endings too,
/// since providers and people go by them.
const SENDABLE: [(&str, &str); 41] = [
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("image/heic", "heic"),
    ("image/heif", "heif"),
    ("image/tiff", "tiff"),
    ("image/bmp", "bmp"),
    ("video/mp4", "mp4"),
    ("video/mpeg4", "mp4"),
    ("video/mpeg", "mpg"),
    ("video/webm", "webm"),
    ("video/quicktime", "mov"),
    ("video/3gpp", "3gp"),
    ("video/3gpp2", "3g2"),
    ("video/3gpp-tt", "3gp"),
    ("video/H261", "h261"),
    ("video/H263", "h263"),
    ("video/H263-1998", "h263"),
    ("video/H263-2000", "h263"),
    ("video/H264", "h264"),
    ("video/H265", "h265"),
    ("audio/ogg", "ogg"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/3gpp", "3gp"),
    ("audio/3gpp2", "3g2"),
    ("audio/basic", "au"),
    ("audio/L24", "l24"),
    ("audio/vnd.rn-realaudio", "ra"),
    ("audio/vnd.wave", "wav"),
    ("audio/ac3", "ac3"),
    ("audio/webm", "weba"),
    ("audio/amr-nb", "amr"),
    ("audio/amr", "amr"),
    ("text/vcard", "vcf"),
    ("text/csv", "csv"),
    ("text/richtext", "rtx"),
    ("text/rtf", "rtf"),
    ("text/calendar", "ics"),
    ("application/pdf", "pdf"),
];

/// Other names of the same.
const ALIASES: [(&str, &str); 14] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/wav", "audio/vnd.wave"),
    ("audio/wave", "audio/vnd.wave"),
    ("audio/x-wav", "audio/vnd.wave"),
    ("audio/opus", "audio/ogg"),
    ("application/ogg", "audio/ogg"),
    ("video/x-m4v", "video/mp4"),
    ("text/x-vcard", "text/vcard"),
    ("text/directory", "text/vcard"),
    ("application/vcard", "text/vcard"),
];

/// Types whose files look alike, since one container holds many things.
const ALIKE: [&[&str]; 5] = [
    &[
        "video/mp4",
        "video/mpeg4",
        "video/quicktime",
        "video/3gpp",
        "video/3gpp2",
        "audio/mp4",
        "audio/3gpp",
        "audio/3gpp2",
    ],
    &["video/webm", "audio/webm", "video/x-matroska"],
    &["image/heic", "image/heif"],
    &["audio/amr", "audio/amr-nb"],
    &["text/vcard", "text/plain"],
];

/// The type without parameters, in one spelling; none when it is no type at all.
pub fn plain(told: &str) -> Option<String> {
    let essence = told.split(';').next()?.trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty() && part.len() <= 64 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-_".contains(&b))
    };
    let (family, name) = essence.split_once('/')?;
    if !token(family) || !token(name) {
        return None;
    }
    let known = ALIASES.iter().find(|(alias, _)| *alias == essence).map(|(_, usual)| *usual);
    let spelt = SENDABLE.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(&essence)).map(|(kind, _)| *kind);
    Some(known.or(spelt).map_or(essence, str::to_owned))
}

/// What a file is.
pub fn sniff(contents: &[u8], told: Option<&str>) -> String {
    let told = told.and_then(plain);
    match (by_bytes(contents), told) {
        (Some(found), Some(told)) if is_alike(&found, &told) => told,
        (Some(found), _) => found,
        (None, Some(told)) if is_harmless(&told, contents) => told,
        (None, _) => UNKNOWN.to_owned(),
    }
}

/// What the bytes alone say.
fn by_bytes(contents: &[u8]) -> Option<String> {
    let start = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents).trim_ascii_start();
    let begins = |word: &[u8]| start.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if begins(b"BEGIN:VCARD") {
        return Some("text/vcard".to_owned());
    }
    if begins(b"BEGIN:VCALENDAR") {
        return Some("text/calendar".to_owned());
    }
    // Otherwise taken for a script.
    if begins(b"#!AMR") {
        return Some("audio/amr".to_owned());
    }
    // Pages and pictures with scripts in them, whatever they are called.
    if begins(b"<") {
        return Some("text/html".to_owned());
    }
    // Containers that hold sounds or films for phones.
    match contents.get(4..11) {
        Some(b"ftyp3gp") => return Some("video/3gpp".to_owned()),
        Some(b"ftyp3g2") => return Some("video/3gpp2".to_owned()),
        _ => {}
    }
    infer::get(contents).and_then(|found| plain(found.mime_type()))
}

fn is_alike(one: &str, other: &str) -> bool {
    one == other || ALIKE.iter().any(|group| group.contains(&one) && group.contains(&other))
}

/// Whether what was told may be believed of bytes that say nothing themselves.
fn is_harmless(told: &str, contents: &[u8]) -> bool {
    let text = || !contents.contains(&0) && std::str::from_utf8(contents).is_ok();
    match told.split_once('/') {
        Some(("audio" | "video", _)) => SENDABLE.iter().any(|(kind, _)| *kind == told) && !text(),
        _ => TEXTS.contains(&told) && text(),
    }
}

/// As what a file is served: what a browser might run is served as nothing in particular.
pub fn served(kind: &str) -> &str {
    let (family, _) = kind.split_once('/').unwrap_or_default();
    let shown = matches!(family, "image" | "audio" | "video") && !kind.contains("svg") && !kind.contains("xml");
    if shown || TEXTS.contains(&kind) || kind == "application/pdf" { kind } else { UNKNOWN }
}

/// Whether a browser may show it in place.
pub fn is_shown(kind: &str) -> bool {
    served(kind) == kind && matches!(kind.split_once('/'), Some(("image" | "audio" | "video", _)))
}

/// A name for a file of this kind: short and plain, as Twilio wants it.
pub fn file_name(kind: &str) -> String {
    let ending = SENDABLE.iter().find(|(known, _)| *known == kind).map(|(_, ending)| *ending);
    let stem = match kind.split_once('/') {
        Some(("image", _)) => "image",
        Some(("video", _)) => "video",
        Some(("audio", _)) => "audio",
        _ if kind == "text/vcard" => "contact",
        _ if kind == "text/calendar" => "event",
        _ => "file",
    };
    let ending = ending.unwrap_or(if kind == "text/plain" { "txt" } else { "bin" });
    format!("{stem}.{ending}")
}

/// What a file's name suggests, for those who have nothing better.
pub fn by_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    let ending = match ending.to_ascii_lowercase().as_str() {
        "jpeg" => "jpg".to_owned(),
        "tif" => "tiff".to_owned(),
        "mpeg" => "mpg".to_owned(),
        other => other.to_owned(),
    };
    SENDABLE.iter().find(|(_, known)| *known == ending).map(|(kind, _)| *kind)
}

/// Why a file can't be sent along.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    #[error("the body is declared as {declared}, but it is {found}")]
    Contradicted { declared: String, found: String },
    #[error("this is {0}, which carriers do not take: send a picture, a sound, a film, a contact or a PDF")]
    NotCarried(String),
    #[error("what this is can't be told from the bytes; say so in `Content-Type`")]
    Unknown,
    #[error("`Content-Type` must be a MIME type, as in image/jpeg")]
    Misdeclared,
}

/// The kind of a file that is to be sent along.
pub fn sendable(contents: &[u8], declared: Option<&str>) -> Result<String, Unsuitable> {
    let declared = declared.map(|declared| plain(declared).ok_or(Unsuitable::Misdeclared)).transpose()?;
    let declared = declared.filter(|declared| declared != UNKNOWN);
    let found = sniff(contents, declared.as_deref());
    if found == UNKNOWN {
        return Err(declared.map_or(Unsuitable::Unknown, |declared| {
            if SENDABLE.iter().any(|(kind, _)| *kind == declared) {
                Unsuitable::Contradicted { declared, found: "something else".to_owned() }
            } else {
                Unsuitable::NotCarried(declared)
            }
        }));
    }
    match declared {
        Some(declared) if declared != found => Err(Unsuitable::Contradicted { declared, found }),
        _ if SENDABLE.iter().any(|(kind, _)| *kind == found) => Ok(found),
        _ => Err(Unsuitable::NotCarried(found)),
    }
}
