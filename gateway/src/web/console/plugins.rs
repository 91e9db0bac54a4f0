//! `/console/plugins`: how each fares, loading those that changed, and trying that on past messages first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page::{self, Page, shown};
use super::posted::Posted;
use super::session::Visitor;
use super::thread::times;
use super::times::length;
use super::trouble::Trouble;
use crate::plugins::health::State as Health;
use crate::replay::{Changed, Effect, Report, Wanted};
use crate::store::{PastFilter, Role};
use crate::web::App;

/// The most messages that are replayed for one request, and how many are usual.
const MOST: u64 = 1_000;
const USUAL: u64 = 100;
/// The most messages that are shown with what would be different.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "plugins.html")]
struct PluginsPage {
    p: Page,
    plugins: Vec<Shown>,
    usual: u64,
    most: u64,
    said: Option<&'static str>,
    error: Option<String>,
    replayed: Option<Replayed>,
}

struct Shown {
    name: String,
    title: String,
    version: String,
    description: String,
    component: String,
    is_tripped: bool,
    until: Option<String>,
    calls: u64,
    failures: u64,
    mean: String,
    slowest: String,
    last_failure: Option<(String, String)>,
}

struct Replayed {
    total: u64,
    same: u64,
    changed: u64,
    not_comparable: u64,
    messages: Vec<Different>,
}

struct Different {
    id: String,
    conversation: String,
    at: String,
    from: String,
    text: String,
    before: Vec<String>,
    after: Vec<String>,
}

/// `GET /console/plugins`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    shown(&list(&app, &visitor).await)
}

async fn list(app: &App, visitor: &Visitor) -> PluginsPage {
    let mut p = Page::of(app, visitor, "plugins", "");
    p.title = p.words.plugins.to_owned();
    let times = times(app, &p);
    let plugins = app.plugins.plugins().await.into_iter().map(|(settings, link)| {
        let manifest = link.plugin.manifest();
        let fares = link.health.fares();
        Shown {
            name: settings.name,
            title: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            component: settings.component,
            is_tripped: fares.state == Health::Tripped,
            until: fares.tripped_until.map(|until| times.full(until)),
            calls: fares.calls,
            failures: fares.failures,
            mean: micros(fares.mean_micros),
            slowest: micros(fares.slowest_micros),
            last_failure: fares.last_failure_at.map(|at| times.full(at)).zip(fares.last_failure),
        }
    });
    let plugins = plugins.collect();
    PluginsPage { p, plugins, usual: USUAL, most: MOST, said: None, error: None, replayed: None }
}

fn micros(micros: u64) -> String {
    if micros < 1_000 { format!("{micros} µs") } else { length(micros / 1_000) }
}

/// `POST /console/plugins/reload`
pub(super) async fn reload(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    let reloaded = app.plugins.reload().await;
    let mut page = list(&app, &posted.visitor).await;
    match reloaded {
        Ok(_) => {
            tracing::info!(user_id = %posted.visitor.session.user.id, "plugins reloaded from the console");
            // They are in force by now, so that this fails nothing.
            if let Err(error) = app.store.audit(posted.visitor.act(&app, "plugins.reloaded", &"plugins")).await {
                tracing::warn!(%error, "that plugins were reloaded is not on record");
            }
            page.said = Some(page.p.more.reloaded);
            shown(&page)
        }
        Err(error) => {
            page.said = Some(page.p.more.not_reloaded);
            page.error = Some(error.to_string());
            page::refused(&page)
        }
    }
}

/// `POST /console/plugins/replay`: what would be different if plugins were reloaded now. Changes nothing.
pub(super) async fn replay(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    let last = posted.fields.get("last").parse().unwrap_or(USUAL).clamp(1, MOST);
    let chain = match app.plugins.candidate().await {
        Ok(chain) => chain,
        Err(error) => {
            let page = list(&app, &posted.visitor).await;
            return page::refused(&PluginsPage { error: Some(error.to_string()), ..page });
        }
    };
    let wanted = Wanted { last, filter: PastFilter::default() };
    let report = app.replay.run(&chain, &wanted, |_| ()).await?;
    let page = list(&app, &posted.visitor).await;
    let times = times(&app, &page.p);
    let replayed = Some(replayed(report, &|changed| times.full(changed.at)));
    shown(&PluginsPage { replayed, ..page })
}

fn replayed(report: Report, when: &dyn Fn(&Changed) -> String) -> Replayed {
    let only = |here: &[Effect], there: &[Effect]| -> Vec<String> {
        here.iter().filter(|effect| !there.contains(effect)).map(ToString::to_string).collect()
    };
    let different = |changed: Changed| Different {
        at: when(&changed),
        id: changed.message_id.to_string(),
        conversation: changed.conversation_id.to_string(),
        before: only(&changed.before, &changed.after),
        after: only(&changed.after, &changed.before),
        from: changed.from,
        text: changed.text,
    };
    Replayed {
        total: report.replayed,
        same: report.same,
        changed: report.changed,
        not_comparable: report.not_comparable + report.redacted,
        messages: report.messages.into_iter().rev().take(SHOWN).map(different).collect(),
    }
}
