//! What the API looks like to a program: one document, made from the handlers, and a page that shows it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::{Json, Router};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::Problem;
use super::{App, api};

/// The document, without its addresses: these are those of the handlers.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Recado",
        description = "A messaging gateway with WebAssembly extensions. Lists are newest first, in pages: \
            `next_cursor` of one is the `cursor` of the next. `Idempotency-Key` is taken by `POST /v1/messages` and \
            `POST /v1/bulks`, which would do the same twice. All else may be called again as it is: what is so already \
            changes nothing, or is answered 404 or 409; but an upload is then there twice, an event is told again, and \
            what was given up since is tried again. \
            Refusals are `application/problem+json` (RFC 9457). Why a \
            message can't be sent, and what a provider's error means, is told in Spanish or English by \
            `Accept-Language`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Key),
    tags(
        (name = "messages", description = "Sending, and what became of it; what came in"),
        (name = "media", description = "Files of messages"),
        (name = "bulks", description = "One call, many recipients"),
        (name = "templates", description = "Texts that are written once"),
        (name = "conversations", description = "The threads with people"),
        (name = "contacts", description = "People, and what is noted about them"),
        (name = "consents", description = "Who allows what"),
        (name = "channels", description = "Connections to providers"),
        (name = "plugins", description = "What decides"),
        (name = "endpoints", description = "Who is told of events"),
        (name = "events", description = "What happens, as it happens"),
        (name = "lookup", description = "What is known of numbers")
    )
)]
struct Head;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut OpenApi) {
        let text = "An API key, as `recado key create` makes one. What it may be used for are its scopes: each \
            operation names the one that it needs.";
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// A refusal that an operation may be answered with.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $description:literal),* $(,)? }),* $(,)?) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$(($status.to_owned(), problem($description))),*])
            }
        }
    )*};
}

refusals! {
    /// What every operation may come to.
    Usual {
        "401": "No key, or one that lets nobody in",
        "403": "The key lacks the scope",
        "429": "More requests than the key may make; `Retry-After` says when to try again",
        "503": "The database, or what must decide, does not answer; nothing was done, and `Retry-After` says when to \
            try again. Where `type` ends in `slow`, a minute was not enough, and whether something was done is not known",
    },
    Unread { "400": "The request can't be read" },
    NotFound { "404": "There is none" },
    Conflict { "409": "Not as things are" },
    Changed { "412": "It is not as `If-Match` has it" },
    TooLarge { "413": "The body is too large" },
    Invalid { "422": "A field makes no sense; `errors` points at it" },
    BadGateway { "502": "The provider refused" },
}

fn problem(description: &str) -> RefOr<Response> {
    let schema = utoipa::openapi::schema::Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    RefOr::T(ResponseBuilder::new().description(description).content("application/problem+json", content).build())
}

/// The routes of the API for applications, with what the document says of each.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(api::messages::create, api::message_list::list))
        .routes(routes!(api::messages::one))
        .routes(routes!(api::messages::cancel))
        .routes(routes!(api::messages::retry))
        .routes(routes!(api::messages::trace))
        .routes(routes!(api::segments::count))
        .routes(routes!(api::media::one))
        .routes(routes!(api::media::upload))
        .routes(routes!(api::conversations::list))
        .routes(routes!(api::conversations::one, api::conversations::change))
        .routes(routes!(api::conversations::mark_read))
        .routes(routes!(api::conversations::messages))
        .routes(routes!(api::contacts::list, api::contacts::create))
        .routes(routes!(api::contacts::one, api::contacts::change, api::erasing::erase))
        .routes(routes!(api::contacts::merge))
        .routes(routes!(api::contact_import::import))
        .routes(routes!(api::channels::list))
        .routes(routes!(api::channels::pause))
        .routes(routes!(api::channels::resume))
        .routes(routes!(api::plugins::list))
        .routes(routes!(api::plugins::reload))
        .routes(routes!(api::plugins::replay))
        .routes(routes!(api::decided::list))
        .routes(routes!(api::plugin_configs::one, api::plugin_configs::save, api::plugin_configs::reset))
        .routes(routes!(api::endpoints::list))
        .routes(routes!(api::endpoints::enable))
        .routes(routes!(api::endpoints::events))
        .routes(routes!(api::endpoints::replay))
        .routes(routes!(api::events::listen))
        .routes(routes!(api::consents::list, api::consents::create))
        .routes(routes!(api::templates::create, api::templates::list))
        .routes(routes!(api::templates::one, api::templates::save, api::templates::archive))
        .routes(routes!(api::templates::versions))
        .routes(routes!(api::previews::preview))
        .routes(routes!(api::bulks::create, api::bulks::list))
        .routes(routes!(api::bulks::one))
        .routes(routes!(api::bulks::pause))
        .routes(routes!(api::bulks::resume))
        .routes(routes!(api::bulks::cancel))
        .routes(routes!(api::bulks::recipients))
        .routes(routes!(api::consents::history))
        .routes(routes!(api::consents::import))
        .routes(routes!(api::lookup::one))
}

/// The whole document.
pub fn document() -> OpenApi {
    router().into_openapi()
}

/// Nobody may frame it, since keys are put into it; and it asks nobody else, its bundle's validator neither.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// The page at `/docs` that shows the document. Its address is given from there, so that a prefix does no harm.
pub(super) fn page() -> Router<App> {
    let config = Config::from("../openapi.json").validator_url("none");
    let page: Router<App> = SwaggerUi::new("/docs").config(config).into();
    page.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
}

/// `GET /openapi.json`
pub(super) async fn shown(State(app): State<App>) -> Json<OpenApi> {
    let mut document = document();
    document.servers = Some(vec![utoipa::openapi::Server::new(app.public_url.to_string())]);
    Json(document)
}
