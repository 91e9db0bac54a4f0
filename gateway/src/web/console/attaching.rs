//! The files that go with what is written: taken as its form comes, and kept in it until it is sent.

use uuid::Uuid;

use super::posted::{File, Posted};
use super::trouble::Trouble;
use super::words::More;
use crate::media::kind::{self, Unsuitable};
use crate::media::{self, UPLOAD};
use crate::message::{Locale, MAX_MEDIA};
use crate::web::App;

/// What is before the id of a file in the name of its field.
const FIELD: &str = "media-";
/// Beside the files, in bytes.
const TEXTS: usize = 64 * 1024;
/// How many of the largest files one form brings.
const LARGEST: usize = 2;

/// A file that is here, and goes along.
pub(super) struct Attached {
    pub(super) id: Uuid,
    /// As people may call it.
    pub(super) name: String,
    digest: String,
}

impl Attached {
    /// What a message names it by.
    pub(super) fn media(&self) -> String {
        format!("{UPLOAD}{}", self.id)
    }

    /// The same file is the same, however often it is sent.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

/// The longest form with files, in bytes.
pub(super) fn longest(app: &App) -> usize {
    app.uploads.max_bytes().saturating_mul(LARGEST).saturating_add(TEXTS)
}

/// What goes along with this form: what was kept before and is still wanted, and the files that came with it; and in
/// words why one of these does not.
pub(super) async fn attached(app: &App, posted: &Posted) -> Result<(Vec<Attached>, Option<String>), Trouble> {
    let locale = posted.visitor.session.user.locale;
    let more = More::of(locale);
    let (mut all, mut wrong) = (Vec::new(), None);
    let before = || posted.fields.names().filter_map(|name| name.strip_prefix(FIELD));
    let is_too_many = before().count() + posted.files.len() > MAX_MEDIA;
    // However many are named, no more are looked for than a message takes.
    for id in before().take(MAX_MEDIA) {
        let Ok(id) = id.parse() else { return Err(Trouble::Unreadable) };
        match app.store.upload(id).await? {
            Some(file) => all.push(Attached { id, name: kind::file_name(&file.content_type), digest: file.digest }),
            None => wrong = Some(more.file_gone.to_owned()),
        }
    }
    if is_too_many {
        return Ok((all, Some(format!("{} {MAX_MEDIA}.", more.too_many_files))));
    }
    for file in &posted.files {
        match take(app, file, locale).await? {
            Ok(one) => all.push(one),
            Err(why) => wrong = Some(why),
        }
    }
    Ok((all, wrong))
}

/// Keeps a file; or says why it can't go along.
async fn take(app: &App, file: &File, locale: Locale) -> Result<Result<Attached, String>, Trouble> {
    let more = More::of(locale);
    let of_it = |why: &str| format!("{}: {why}", file.name);
    let most = app.uploads.max_bytes();
    if file.contents.len() > most {
        return Ok(Err(of_it(&format!("{} {} MB.", more.file_too_large, most >> 20))));
    }
    let declared = file.content_type.as_deref();
    let taken = match app.uploads.take(file.contents.clone(), declared).await {
        // Browsers go by the name of a file, and its bytes know better.
        Err(media::Error::Unsuitable(Unsuitable::Contradicted { .. } | Unsuitable::Misdeclared)) => {
            app.uploads.take(file.contents.clone(), None).await
        }
        taken => taken,
    };
    match taken {
        Ok(upload) => Ok(Ok(Attached { id: upload.id, name: file.name.clone(), digest: upload.sha256 })),
        Err(media::Error::Empty) => Ok(Err(of_it(more.file_empty))),
        Err(media::Error::Unsuitable(_)) => Ok(Err(of_it(more.file_not_carried))),
        Err(media::Error::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "a file was not kept");
            Err(Trouble::Internal)
        }
    }
}
