//! `/console/plugins/{name}`: a plugin's configuration, as a form that is made from its schema.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::form::{Around, Form, Item, Part, Read, Step, described, in_language, ordered};
use super::page::{self, Page, shown};
use super::path::Path;
use super::posted::{Fields, Posted};
use super::replayed::{MOST, Replayed, USUAL};
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use super::words::PluginWords;
use crate::configuring::{Error, Standing};
use crate::plugins::wasm::Misfit;
use crate::plugins::{ConfigOrigin, hidden};
use crate::replay::Wanted;
use crate::store::{ChangedBy, PastFilter, Role};
use crate::web::App;
use crate::web::query::Query;

/// The longest form, in bytes: a configuration as the API takes it, as it was and as it is written now, with all that a
/// form puts around each letter.
const LONGEST: usize = 3 * 1024 * 1024;

#[derive(Template)]
#[template(path = "plugin.html")]
struct PluginPage {
    p: Page,
    words: &'static PluginWords,
    path: String,
    description: String,
    is_kept: bool,
    unfit: Option<String>,
    /// When, and by whom.
    changed: Option<(String, String)>,
    mark: String,
    /// What the form was made of.
    draft: String,
    items: Vec<Item>,
    last: u64,
    most: u64,
    said: Option<&'static str>,
    is_refused: bool,
    /// What is wrong with no field of its own.
    errors: Vec<String>,
    replayed: Option<Replayed>,
}

/// What came of a form.
#[derive(Default)]
struct Outcome {
    said: Option<&'static str>,
    is_refused: bool,
    /// By the field's place.
    wrong: BTreeMap<String, Vec<String>>,
    errors: Vec<String>,
    replayed: Option<Replayed>,
    /// What whoever sent the form had seen, if that is still what they know.
    seen: Option<String>,
    /// Where in the form somebody is at work.
    at: Option<String>,
}

/// A plugin's page, below the console's.
pub(super) fn path(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/plugins/{}", name.replace('+', "%20"))
}

#[derive(Deserialize)]
pub(super) struct Did {
    did: Option<String>,
}

/// `GET /console/plugins/{name}`
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(did): Query<Did>,
) -> Result<Response, Trouble> {
    visitor.must_be(Role::Owner)?;
    let looked = Looked::at(&app, &visitor, name, None).await?;
    let said = match did.did.as_deref() {
        Some("saved") => Some(looked.words.saved),
        Some("reset") => Some(looked.words.reset_done),
        _ => None,
    };
    shown(&looked.page(&app, &visitor, None, Outcome { said, ..Outcome::default() }).await)
}

/// `POST /console/plugins/{name}`: saves what is in the form, tries it, or goes back to that of the settings.
pub(super) async fn change(
    State(app): State<App>,
    Path(name): Path<String>,
    posted: Posted<LONGEST>,
) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    let (visitor, fields) = (&posted.visitor, &posted.fields);
    let draft = || serde_json::from_str(fields.raw("draft")).ok();
    let looked = Looked::at(&app, visitor, name, draft()).await?;
    let seen = Some(fields.get("seen")).filter(|seen| !seen.is_empty());
    if fields.get("do") == "reset" {
        let act = visitor.act(&app, "plugin.config_reset", &looked.name);
        return match app.configuring.reset(&looked.name, seen, act).await {
            Ok(_) => Ok(looked.done(&app, "reset", posted.is_partial)),
            Err(error) => {
                let outcome = looked.refusal(error, looked.words.not_reset)?;
                // There is no field for what the settings have wrong.
                let errors = outcome
                    .wrong
                    .into_iter()
                    .flat_map(|(at, told)| told.into_iter().map(move |it| format!("{at}: {it}")));
                let errors = outcome.errors.into_iter().chain(errors).collect();
                let again = Looked::at(&app, visitor, looked.name, None).await?;
                page::refused(
                    &again
                        .page(
                            &app,
                            visitor,
                            None,
                            Outcome { errors, said: outcome.said, is_refused: true, ..Outcome::default() },
                        )
                        .await,
                )
            }
        };
    }
    let Read { value, wrong } = looked.form.read(fields, &looked.shown);
    // What goes may be wrong.
    let step = Step::read(fields.get("do")).filter(|step| wrong.iter().all(|(at, _)| step.removes(at)));
    if let Some(step) = step {
        return looked.take(&app, visitor, &step, value, seen).await;
    }
    let is_trial = match fields.get("do") {
        "save" => false,
        "try" => true,
        // What is wrong is told first.
        step if Step::read(step).is_some() => true,
        _ => return Err(Trouble::Unreadable),
    };
    let refused = if wrong.is_empty() {
        let done = if is_trial {
            looked.tried(&app, visitor, fields, value).await
        } else {
            let act = visitor.act(&app, "plugin.configured", &looked.name);
            app.configuring.save(&looked.name, value, seen, act).await.map(|_| None)
        };
        match done {
            Ok(Some(replayed)) => {
                let outcome = Outcome { replayed: Some(replayed), seen: seen.map(str::to_owned), ..Outcome::default() };
                return shown(&looked.page(&app, visitor, Some(fields), outcome).await);
            }
            Ok(None) => return Ok(looked.done(&app, "saved", posted.is_partial)),
            // As it is by now, so that saving it again is meant.
            Err(error @ Error::Changed) => looked.refusal(error, looked.words.not_saved)?,
            Err(error) => Outcome { seen: seen.map(str::to_owned), ..looked.refusal(error, looked.words.not_saved)? },
        }
    } else {
        let words = looked.words;
        let wrong = wrong.into_iter().map(|(at, wrong)| (at, vec![words.wrong(&wrong)])).collect();
        let seen = seen.map(str::to_owned);
        Outcome { said: Some(words.not_saved), is_refused: true, wrong, seen, ..Outcome::default() }
    };
    let again = Looked::at(&app, visitor, looked.name, draft()).await?;
    page::refused(&again.page(&app, visitor, Some(fields), refused).await)
}

/// A plugin, as somebody is shown it.
struct Looked {
    name: String,
    words: &'static PluginWords,
    standing: Standing,
    bare: hidden::Bare,
    /// What the form is made of: what is kept, what was kept when somebody opened it, or what they are about to make of
    /// that.
    shown: serde_json::Value,
    form: Form,
}

impl Looked {
    async fn at(app: &App, visitor: &Visitor, name: String, draft: Option<serde_json::Value>) -> Result<Self, Trouble> {
        let standing = app.configuring.look(&name).await.map_err(trouble)?;
        let bare = hidden::bare(&standing.configured.schema(), &standing.configured.config);
        let locale = visitor.session.user.locale;
        let shown = draft.unwrap_or_else(|| bare.config.clone());
        let form = Form::of(&in_language(ordered(&standing.configured.schema), locale), &shown);
        Ok(Self { name, words: PluginWords::of(locale), standing, bare, shown, form })
    }

    /// One entry more or less in a list, or another order. Nothing is saved by that.
    async fn take(
        self,
        app: &App,
        visitor: &Visitor,
        step: &Step,
        mut value: serde_json::Value,
        seen: Option<&str>,
    ) -> Result<Response, Trouble> {
        let at = self.form.take(step, &mut value).ok_or(Trouble::Unreadable)?;
        // What is secret is not shown even to whoever has just written it.
        let bare = hidden::bare(&self.standing.configured.schema(), &value);
        let said = if bare.hidden.is_empty() { self.words.unsaved } else { self.words.secret_again };
        let again = Self::at(app, visitor, self.name, Some(bare.config)).await?;
        let outcome = Outcome { said: Some(said), at: Some(at), seen: seen.map(str::to_owned), ..Outcome::default() };
        shown(&again.page(app, visitor, None, outcome).await)
    }

    fn done(&self, app: &App, what: &str, partial: bool) -> Response {
        redirect(&format!("{}{}?did={what}", app.console.0.base, path(&self.name)), partial)
    }

    async fn tried(
        &self,
        app: &App,
        visitor: &Visitor,
        fields: &Fields,
        value: serde_json::Value,
    ) -> Result<Option<Replayed>, Error> {
        let last = last(Some(fields));
        let chain = app.configuring.trial(&self.name, value).await?;
        let report = app.replay.run(&chain, &Wanted { last, filter: PastFilter::default() }, |_| ()).await?;
        let p = Page::of(app, visitor, "plugins", "");
        Ok(Some(Replayed::of(app, &p, report)))
    }

    /// What a refusal says, at the fields that it is about.
    fn refusal(&self, error: Error, said: &'static str) -> Result<Outcome, Trouble> {
        let mut outcome = Outcome { said: Some(said), is_refused: true, ..Outcome::default() };
        match error {
            Error::Changed => outcome.said = Some(self.words.meanwhile),
            Error::Chain(error) => outcome.errors.push(error.to_string()),
            Error::Misfits(misfits) => misfits.iter().for_each(|misfit| self.place(misfit, &mut outcome)),
            error => return Err(trouble(error)),
        }
        Ok(outcome)
    }

    fn place(&self, misfit: &Misfit, outcome: &mut Outcome) {
        let told = self.words.misfit(misfit);
        let home = self.form.home(&misfit.pointer);
        let rest = misfit.pointer.strip_prefix(home.unwrap_or_default()).unwrap_or_default();
        let told = if rest.is_empty() { told } else { format!("{rest}: {told}") };
        match home {
            Some(home) => outcome.wrong.entry(home.to_owned()).or_default().push(told),
            None => outcome.errors.push(told),
        }
    }

    async fn page(&self, app: &App, visitor: &Visitor, posted: Option<&Fields>, outcome: Outcome) -> PluginPage {
        let p = Page::of(app, visitor, "plugins", format!("{} {}", self.words.title, self.name));
        let times = times(app, &p);
        let plugins = app.plugins.plugins().await;
        let link = plugins.into_iter().find(|(settings, _)| settings.name == self.name).map(|(_, link)| link);
        let Outcome { said, is_refused, wrong, errors, replayed, seen, at } = outcome;
        let around = Around { posted, hidden: &self.bare.hidden, errors: &wrong, at: at.as_deref() };
        let mut items = self.form.items(&self.shown, &around);
        for item in items.iter_mut().filter(|item| item.label.is_empty() && item.part != Part::Close) {
            self.words.config.clone_into(&mut item.label);
        }
        let unfit = match &self.standing.configured.origin {
            ConfigOrigin::Unfit(problem) => Some(problem.clone()),
            ConfigOrigin::Settings | ConfigOrigin::Kept => None,
        };
        PluginPage {
            path: path(&self.name),
            description: described(&self.standing.configured.schema(), p.locale())
                .map(str::to_owned)
                .or_else(|| link.map(|link| link.plugin.manifest().description.clone()))
                .unwrap_or_default(),
            is_kept: self.standing.is_kept(),
            unfit,
            changed: self.standing.changed.as_ref().map(|(at, by)| (times.full(*at), self.who(by))),
            mark: seen.unwrap_or_else(|| self.standing.mark.clone()),
            draft: self.shown.to_string(),
            items,
            last: last(posted),
            most: MOST,
            said,
            is_refused,
            errors,
            replayed,
            words: self.words,
            p,
        }
    }

    fn who(&self, by: &ChangedBy) -> String {
        let named = by.name.as_deref().or(by.id.as_deref()).unwrap_or_default();
        match by.actor.as_str() {
            "user" => named.to_owned(),
            "key" => format!("{} {named}", self.words.key),
            _ => format!("{} {named}", self.words.command),
        }
    }
}

/// On how many messages it is tried.
fn last(fields: Option<&Fields>) -> u64 {
    fields.and_then(|fields| fields.get("last").parse().ok()).unwrap_or(USUAL).clamp(1, MOST)
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Unknown => Trouble::NotFound,
        Error::Store(error) => error.into(),
        error @ (Error::Changed | Error::Misfits(_) | Error::Chain(_)) => {
            tracing::error!(%error, "a plugin's config can't be shown");
            Trouble::Internal
        }
    }
}
