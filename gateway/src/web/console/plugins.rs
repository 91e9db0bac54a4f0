//! `/console/plugins`: how each fares, loading those that changed, and trying that on past messages first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::form::described;
use super::page::{self, Page, shown};
use super::plugin;
use super::posted::Posted;
use super::replayed::{MOST, Replayed, USUAL};
use super::session::Visitor;
use super::thread::times;
use super::times::micros;
use super::trouble::Trouble;
use super::words::PluginWords;
use crate::plugins::ConfigOrigin;
use crate::plugins::health::State as Health;
use crate::replay::Wanted;
use crate::store::{PastFilter, Role};
use crate::web::App;

#[derive(Template)]
#[template(path = "plugins.html")]
struct PluginsPage {
    p: Page,
    words: &'static PluginWords,
    plugins: Vec<Shown>,
    usual: u64,
    most: u64,
    said: Option<&'static str>,
    error: Option<String>,
    replayed: Option<Replayed>,
}

struct Shown {
    name: String,
    /// Where its configuration is changed.
    path: String,
    is_kept: bool,
    /// Why what is kept of its configuration is not in force.
    unfit: Option<String>,
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

/// `GET /console/plugins`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    shown(&list(&app, &visitor).await)
}

async fn list(app: &App, visitor: &Visitor) -> PluginsPage {
    let mut p = Page::of(app, visitor, "plugins", "");
    p.title = p.words.plugins.to_owned();
    let times = times(app, &p);
    let mut plugins = Vec::new();
    for (settings, link) in app.plugins.plugins().await {
        let manifest = link.plugin.manifest();
        let fares = link.health.fares();
        let (origin, schema) = match app.plugins.configured(&settings.name).await {
            Some(configured) => (Some(configured.origin.clone()), configured.schema()),
            None => Default::default(),
        };
        plugins.push(Shown {
            path: plugin::path(&settings.name),
            is_kept: origin == Some(ConfigOrigin::Kept),
            unfit: origin
                .and_then(|origin| if let ConfigOrigin::Unfit(problem) = origin { Some(problem) } else { None }),
            name: settings.name,
            title: manifest.name.clone(),
            version: manifest.version.clone(),
            description: described(&schema, p.locale()).unwrap_or(&manifest.description).to_owned(),
            component: settings.component,
            is_tripped: fares.state == Health::Tripped,
            until: fares.tripped_until.map(|until| times.full(until)),
            calls: fares.calls,
            failures: fares.failures,
            mean: micros(fares.mean_micros),
            slowest: micros(fares.slowest_micros),
            last_failure: fares.last_failure_at.map(|at| times.full(at)).zip(fares.last_failure),
        });
    }
    let words = PluginWords::of(p.locale());
    PluginsPage { p, words, plugins, usual: USUAL, most: MOST, said: None, error: None, replayed: None }
}

/// `POST /console/reload`
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

/// `POST /console/replay`: what would be different if plugins were reloaded now. Changes nothing.
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
    let replayed = Some(Replayed::of(&app, &page.p, report));
    shown(&PluginsPage { replayed, ..page })
}
