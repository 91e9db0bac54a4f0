//! Every page of the console asks who it is, and every form whether they may: by a list that is as long as the
//! console's own.

use std::collections::BTreeSet;

use http::Method;
use recado_tests::{Answer, TestGateway, Visitor};

use Who::{Agent, Anyone, Owner, Viewer};

const ID: &str = "0190a6d0-0000-7000-8000-000000000001";
const SIGN_IN: &str = "/console/sign-in";
/// Where the console has its routes.
const ROUTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/src/web/console/mod.rs");

/// From which role on; anyone needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Anyone,
    Viewer,
    Agent,
    Owner,
}

/// A route: who may look at it, and who may send something to it.
type Route = (&'static str, Option<Who>, Option<Who>);

const ROUTES: &[Route] = &[
    ("/console", Some(Viewer), None),
    ("/console/sign-in", Some(Anyone), Some(Anyone)),
    ("/console/sign-out", None, Some(Viewer)),
    ("/console/account", Some(Viewer), Some(Viewer)),
    ("/console/account/password", None, Some(Viewer)),
    ("/console/live", Some(Viewer), None),
    ("/console/segments", None, Some(Viewer)),
    ("/console/contacts", Some(Viewer), Some(Agent)),
    ("/console/contacts/new", Some(Agent), None),
    ("/console/contacts/import", Some(Agent), Some(Agent)),
    ("/console/contacts/{id}", Some(Viewer), Some(Agent)),
    ("/console/contacts/{id}/consent", None, Some(Agent)),
    ("/console/contacts/{id}/erase", None, Some(Owner)),
    ("/console/contacts/{id}/merge", Some(Agent), Some(Agent)),
    ("/console/contacts/{id}/messages", Some(Agent), Some(Agent)),
    ("/console/contacts/{id}/preview", None, Some(Agent)),
    ("/console/conversations/{id}", Some(Viewer), None),
    ("/console/conversations/{id}/messages", Some(Viewer), Some(Agent)),
    ("/console/conversations/{id}/preview", None, Some(Agent)),
    ("/console/conversations/{id}/older", Some(Viewer), None),
    ("/console/conversations/{id}/panel", Some(Viewer), Some(Agent)),
    ("/console/conversations/{id}/notes", None, Some(Agent)),
    ("/console/messages/{id}/trace", Some(Viewer), None),
    ("/console/messages/{id}/cancel", None, Some(Agent)),
    ("/console/messages/{id}/retry", None, Some(Agent)),
    ("/console/messages/{id}/media/{number}", Some(Viewer), None),
    ("/console/bulks", Some(Viewer), Some(Agent)),
    ("/console/bulks/new", Some(Agent), None),
    ("/console/bulks/{id}", Some(Viewer), None),
    ("/console/bulks/{id}/{what}", None, Some(Agent)),
    ("/console/templates", Some(Viewer), Some(Agent)),
    ("/console/templates/{name}", Some(Viewer), Some(Agent)),
    ("/console/templates/{name}/edit", Some(Agent), None),
    ("/console/templates/{name}/archive", None, Some(Agent)),
    ("/console/new-template", Some(Agent), None),
    ("/console/preview", None, Some(Agent)),
    ("/console/dashboard", Some(Viewer), None),
    ("/console/channels", Some(Viewer), None),
    ("/console/channels/{name}/check", None, Some(Agent)),
    ("/console/channels/{name}/pause", None, Some(Owner)),
    ("/console/channels/{name}/resume", None, Some(Owner)),
    ("/console/plugins", Some(Viewer), None),
    ("/console/reload", None, Some(Owner)),
    ("/console/replay", None, Some(Owner)),
    ("/console/plugins/{name}", Some(Owner), Some(Owner)),
    ("/console/plugins/{name}/decisions", Some(Viewer), None),
    ("/console/endpoints", Some(Viewer), None),
    ("/console/endpoints/{name}", Some(Viewer), None),
    ("/console/endpoints/{name}/enable", None, Some(Owner)),
    ("/console/endpoints/{name}/events/{id}/replay", None, Some(Owner)),
    ("/console/users", Some(Owner), Some(Owner)),
    ("/console/users/{id}", None, Some(Owner)),
    ("/console/assets/{name}", Some(Anyone), None),
];

/// The path of something that is not there: whether somebody may is asked before.
fn path(route: &str) -> String {
    let name = if route.contains("/assets/") { "console.css" } else { "nobody" };
    let known = [("{id}", ID), ("{number}", "0"), ("{what}", "pause"), ("{name}", name)];
    known.iter().fold(route.to_owned(), |path, (part, value)| path.replace(part, value))
}

/// The routes as they are written there, each with whether it can be looked at and sent to.
fn written(source: &str) -> BTreeSet<(&str, bool, bool)> {
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
    routes
        .map(|(route, rest)| {
            let handlers = rest.split(['\n', ';']).next().unwrap_or_default();
            (route, handlers.contains("get("), handlers.contains("post("))
        })
        .collect()
}

#[test]
fn the_list_is_as_long_as_the_consoles_own() {
    let source = std::fs::read_to_string(ROUTER).unwrap();
    let listed = ROUTES.iter().map(|(route, get, post)| (*route, get.is_some(), post.is_some()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), written(&source));
    assert_eq!(source.matches(".route(").count(), ROUTES.len(), "each is read");
}

#[test]
fn who_is_not_signed_in_is_led_to_the_door() {
    let gateway = TestGateway::start();
    let url = gateway.url();
    let leads = |answer: &Answer| answer.header("location").map(str::to_owned);
    // A cookie of somebody else's, or one that was made up, is no session.
    for cookie in ["a=b", "recado_session=0123456789abcdef0123456789abcdef0123456789abcdef"] {
        for (route, get, post) in ROUTES {
            let path = path(route);
            if let Some(who) = get {
                let answer = gateway.request(Method::GET, &path, &[("cookie", cookie)], "");
                let (status, led) = (answer.status(), leads(&answer));
                if *who == Anyone {
                    assert_eq!((status, led), (200, None), "GET {path}");
                } else {
                    let next = path.strip_prefix("/console").unwrap().replace('/', "%2F");
                    let next = if next.is_empty() { next } else { format!("?next={next}") };
                    assert_eq!((status, led), (303, Some(format!("{SIGN_IN}{next}"))), "GET {path}");
                    assert!(answer.bytes().is_empty(), "GET {path}: {}", answer.text());
                }
            }
            if let Some(who) = post {
                let answer = gateway.request(Method::POST, &path, &[("cookie", cookie), ("origin", &url)], "");
                // With no name and no password, nobody comes through the door.
                let expected = if *who == Anyone { (422, None) } else { (303, Some(SIGN_IN.to_owned())) };
                assert_eq!((answer.status(), leads(&answer)), expected, "POST {path}");
                let evil = [("cookie", cookie), ("origin", "https://evil.example")];
                for headers in [&evil[..], &evil[..1]] {
                    let forged = gateway.request(Method::POST, &path, headers, "");
                    assert_eq!(forged.status(), 403, "POST {path} from elsewhere");
                }
            }
        }
    }
}

#[test]
fn who_is_signed_in_may_do_what_their_role_says() {
    let gateway = TestGateway::start();
    let people = [("viewer", Viewer), ("agent", Agent), ("owner", Owner)];
    let people = people.map(|(name, role)| (Visitor::new(&gateway, name, name), role));
    for (route, get, post) in ROUTES {
        let path = path(route);
        for (visitor, role) in &people {
            // What is live goes on for as long as somebody listens.
            if let Some(who) = get.filter(|_| *route != "/console/live") {
                let status = visitor.get(&path).status();
                assert_eq!(status == 403, *role < who, "GET {path} as {role:?}: {status}");
                assert!(status < 500, "GET {path} as {role:?}: {status}");
            }
            // Signing out comes last, and signing in was first.
            if let Some(who) = post.filter(|who| *who != Anyone && *route != "/console/sign-out") {
                let status = visitor.post(&path, &[]).status();
                assert_eq!(status == 403, *role < who, "POST {path} as {role:?}: {status}");
                assert!(status < 500, "POST {path} as {role:?}: {status}");
            }
        }
    }
    for (visitor, role) in &people {
        let out = visitor.post("/console/sign-out", &[]);
        assert_eq!((out.status(), out.header("location")), (303, Some(SIGN_IN)), "{role:?}");
        assert_eq!(visitor.get("/console").status(), 303, "{role:?}");
    }
}

#[test]
fn whoever_knows_their_password_gives_themselves_another() {
    const NEW: &str = "otra de muchas letras";
    let gateway = TestGateway::start();
    let [viewer, other] = ["vera", "ana"].map(|name| Visitor::new(&gateway, name, "viewer"));
    let sign_in = |password: &str| Visitor::try_sign_in(&gateway, "vera", password);
    let elsewhere = Visitor::of(&gateway, &sign_in(Visitor::password()));
    let change =
        |current: &str, new: &str| viewer.post("/console/account/password", &[("current", current), ("password", new)]);
    for (current, new, told) in [
        ("", NEW, "The name or the password is not right."),
        (NEW, NEW, "The name or the password is not right."),
        (Visitor::password(), "corta", "A password needs at least 10 characters."),
    ] {
        let refused = change(current, new);
        assert_eq!(refused.status(), 422, "{current:?}");
        assert!(refused.text().contains(told), "{current:?}: {}", refused.text());
    }
    assert_eq!([&viewer, &elsewhere].map(|one| one.get("/console").status()), [200; 2], "nothing came of it");
    assert_eq!((sign_in(NEW).status(), sign_in(Visitor::password()).status()), (422, 303));

    let changed = change(Visitor::password(), NEW);
    assert_eq!((changed.status(), changed.header("location")), (303, Some(SIGN_IN)), "{}", changed.text());
    let statuses = [&viewer, &elsewhere, &other].map(|one| one.get("/console").status());
    assert_eq!(statuses, [303, 303, 200], "wherever they were, they sign in anew, and nobody else does");
    assert_eq!((sign_in(Visitor::password()).status(), sign_in(NEW).status()), (422, 303));
    assert_eq!(Visitor::try_sign_in(&gateway, "ana", Visitor::password()).status(), 303);
}
