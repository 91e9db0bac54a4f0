//! Who may come into the console, and what they may do there.

use ::http::Method;
use recado_tests::{TestGateway, Visitor, run, run_with_input};

const POLICY: &str = "content-security-policy";

#[test]
fn only_the_right_password_of_somebody_who_is_there_lets_in() {
    let gateway = TestGateway::start();
    let page = gateway.request(Method::GET, "/console", &[], "");
    assert_eq!((page.status(), page.header("location")), (303, Some("/console/sign-in")));
    let page = gateway.request(Method::GET, "/console/conversations/7?a=b", &[], "");
    assert_eq!(page.header("location"), Some("/console/sign-in?next=%2Fconversations%2F7%3Fa%3Db"));

    Visitor::create(&gateway, "ana", "agent");
    let unknown = Visitor::try_sign_in(&gateway, "nobody", Visitor::password());
    let wrong = Visitor::try_sign_in(&gateway, "ana", "not the password");
    for refused in [&unknown, &wrong] {
        assert_eq!((refused.status(), refused.header("set-cookie")), (422, None));
    }
    // Neither tells whether there is such a name.
    assert_eq!(unknown.text().replace("nobody", "ana"), wrong.text());

    let right = Visitor::try_sign_in(&gateway, "ana", Visitor::password());
    assert_eq!((right.status(), right.header("location")), (303, Some("/console")));
    let cookie = right.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/console"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "this one is not behind https: {cookie}");
    let ana = Visitor::of(&gateway, &right);
    let inbox = ana.get("/console");
    assert_eq!(inbox.status(), 200);
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(inbox.header(name), Some(value));
    }
    let policy = inbox.header(POLICY).unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");

    // The token is nowhere but in the browser.
    let token = ana.cookie.split_once('=').unwrap().1;
    let stored = std::fs::read(gateway.folder().join("recado.db")).unwrap();
    let log = std::fs::read(gateway.folder().join("recado.db-wal")).unwrap_or_default();
    for bytes in [stored, log] {
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
}

#[test]
fn behind_https_the_cookie_is_for_https_alone_and_has_the_prefix() {
    let gateway = TestGateway::builder().public_url("https://sms.example.mx/recado").start();
    Visitor::create(&gateway, "ana", "agent");
    let right = Visitor::try_sign_in(&gateway, "ana", Visitor::password());
    let cookie = right.header("set-cookie").unwrap();
    assert!(cookie.contains("Path=/recado/console") && cookie.contains("Secure"), "{cookie}");
    assert_eq!(right.header("location"), Some("/recado/console"));
    let page = Visitor::of(&gateway, &right).get("/console").text();
    assert!(page.contains("href=\"/recado/console/assets/console.css?v="), "{page}");
}

#[test]
fn a_session_is_a_new_one_at_each_sign_in_and_ends_with_signing_out() {
    let gateway = TestGateway::start();
    Visitor::create(&gateway, "ana", "agent");
    // Whatever somebody planted before is not the session after.
    let planted = [("cookie", "recado_session=planted")];
    let answer = Visitor::sign_in_with(&gateway, "ana", Visitor::password(), &planted);
    let first = Visitor::of(&gateway, &answer);
    assert!(!first.cookie.contains("planted"));
    let again = [("cookie", first.cookie.as_str())];
    let second = Visitor::of(&gateway, &Visitor::sign_in_with(&gateway, "ana", Visitor::password(), &again));
    assert_ne!(first.cookie, second.cookie);
    assert_ne!(first.csrf, second.csrf);
    assert_eq!(first.get("/console").status(), 303, "the one before is over");

    let out = second.post("/console/sign-out", &[]);
    assert_eq!(out.status(), 303);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(second.get("/console").status(), 303);
}

#[test]
fn what_no_page_of_ours_sent_is_refused() {
    let gateway = TestGateway::start();
    let owner = Visitor::new(&gateway, "ana", "owner");
    let (path, url) = ("/console/channels/sms/pause", gateway.url());
    let own = ("origin", url.as_str());
    let csrf = ("csrf", owner.csrf.as_str());
    for (headers, form) in [
        (vec![own], vec![]),
        (vec![own], vec![("csrf", "0123456789abcdef")]),
        (vec![own, ("x-csrf-token", "wrong")], vec![csrf]),
        (vec![("origin", "https://evil.example")], vec![csrf]),
        (vec![("origin", "null")], vec![csrf]),
        (vec![("sec-fetch-site", "cross-site")], vec![csrf]),
        (vec![own, ("sec-fetch-site", "same-site")], vec![csrf]),
        (vec![], vec![csrf]),
    ] {
        assert_eq!(owner.post_with(path, &headers, &form).status(), 403, "{headers:?} {form:?}");
    }
    assert_eq!(gateway.get("/v1/channels").expect(200)["items"][0]["state"], "active");
    let evil = [("origin", "https://evil.example")];
    let signing = Visitor::sign_in_with(&gateway, "ana", Visitor::password(), &evil);
    assert_eq!(signing.status(), 403, "nobody is signed in from elsewhere");
    assert_eq!(owner.post_with(path, &[own], &[csrf]).status(), 303);
    assert_eq!(gateway.get("/v1/channels").expect(200)["items"][0]["state"], "paused");
    owner.post("/console/channels/sms/resume", &[]);
}

/// An address, its form, and the first role that may do it.
type Post<'a> = (&'a str, &'a [(&'a str, &'a str)], usize);

#[test]
fn everybody_may_do_what_their_role_says_and_no_more() {
    let gateway = TestGateway::start();
    gateway.text("+529981112233", "Hola");
    let people = ["viewer", "agent", "owner"].map(|role| Visitor::new(&gateway, role, role));
    let conversation = gateway.get("/v1/conversations").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let thread = format!("/console/conversations/{conversation}");
    let (messages, panel, notes) = (format!("{thread}/messages"), format!("{thread}/panel"), format!("{thread}/notes"));
    let preview = format!("{thread}/preview");
    let key = "0190a6d0-0000-7000-8000-000000000001";
    let nobody = "/console/users/0190a6d0-0000-7000-8000-000000000001";
    // What it is, and who may do it: from which role on.
    let posts: [Post<'_>; 23] = [
        (&messages, &[("text", "x"), ("key", key)], 1),
        (&panel, &[("do", "take")], 1),
        (&notes, &[("text", "x")], 1),
        ("/console/messages/0190a6d0-0000-7000-8000-000000000001/cancel", &[], 1),
        ("/console/messages/0190a6d0-0000-7000-8000-000000000001/retry", &[], 1),
        ("/console/contacts/0190a6d0-0000-7000-8000-000000000001", &[("do", "name"), ("name", "x")], 1),
        ("/console/contacts/0190a6d0-0000-7000-8000-000000000001/consent", &[("choice", "opted_out")], 1),
        ("/console/contacts/0190a6d0-0000-7000-8000-000000000001/erase", &[("sure", "yes")], 2),
        (&preview, &[("made", "x")], 1),
        ("/console/templates", &[("do", "save")], 1),
        ("/console/templates/x", &[("do", "save"), ("mark", "1")], 1),
        ("/console/templates/x/archive", &[("mark", "1")], 1),
        ("/console/preview", &[("text-0", "x")], 1),
        ("/console/bulks", &[("text", "x"), ("recipients", "+529981112233")], 1),
        ("/console/bulks/0190a6d0-0000-7000-8000-000000000001/cancel", &[], 1),
        ("/console/plugins/auto-reply", &[("do", "reset")], 2),
        ("/console/channels/sms/check", &[], 1),
        ("/console/channels/sms/pause", &[], 2),
        ("/console/channels/sms/resume", &[], 2),
        ("/console/reload", &[], 2),
        ("/console/replay", &[("last", "1")], 2),
        ("/console/users", &[("name", "x y")], 2),
        (nobody, &[("do", "disable")], 2),
    ];
    for (path, form, from) in posts {
        for (role, visitor) in people.iter().enumerate() {
            let status = visitor.post(path, form).status();
            assert_eq!(status == 403, role < from, "{path} as {role}: {status}");
        }
        let url = gateway.url();
        let stranger = gateway.request(Method::POST, path, &[("origin", &url)], "");
        assert_eq!(stranger.status(), 303, "{path}: to the sign-in page");
    }
    let gets = ["", "/bulks", "/templates", "/account", "/dashboard", "/channels", "/plugins", "/endpoints"];
    for path in gets.map(|path| format!("/console{path}")).iter().chain([&thread, &panel, &messages]) {
        assert_eq!(people[0].get(path).status(), 200, "{path}");
        assert_eq!(gateway.request(Method::GET, path, &[], "").status(), 303, "{path}");
    }
    for path in ["/console/users", "/console/plugins/auto-reply"] {
        assert_eq!(people.each_ref().map(|visitor| visitor.get(path).status()), [403, 403, 200], "{path}");
        assert_eq!(gateway.request(Method::GET, path, &[], "").status(), 303, "{path}");
    }
    // An API key is no session, and a session is no API key.
    let bearer = format!("Bearer {}", gateway.key());
    assert_eq!(gateway.request(Method::GET, "/console", &[("authorization", &bearer)], "").status(), 303);
}

#[test]
fn who_is_locked_out_or_gets_another_password_is_out_at_once() {
    let gateway = TestGateway::start();
    let owner = Visitor::new(&gateway, "ana", "owner");
    let [luis, eva] = ["luis", "eva"].map(|name| Visitor::new(&gateway, name, "agent"));
    let arguments = |what: &'static str, name: &'static str| ["--config", "test.toml", "user", what, "--name", name];
    run(gateway.folder(), &arguments("disable", "luis"), &[]).good();
    run_with_input(gateway.folder(), &arguments("password", "eva"), "another password\n").good();
    assert_eq!([luis.get("/console").status(), eva.get("/console").status()], [303, 303]);
    assert_eq!(Visitor::try_sign_in(&gateway, "luis", Visitor::password()).status(), 422);
    assert_eq!(Visitor::try_sign_in(&gateway, "eva", Visitor::password()).status(), 422);
    assert_eq!(Visitor::try_sign_in(&gateway, "eva", "another password").status(), 303);

    // The same by the page.
    let users = owner.get("/console/users").text();
    let id = users.split("user-").find_map(|part| part.contains(">eva").then(|| part.get(..36).unwrap())).unwrap();
    assert_eq!(owner.post(&format!("/console/users/{id}"), &[("do", "disable")]).status(), 303);
    assert_eq!(Visitor::try_sign_in(&gateway, "eva", "another password").status(), 422);
    let new = [("name", "rosa"), ("role", "viewer"), ("locale", "es"), ("password", "de diez letras")];
    assert_eq!(owner.post("/console/users", &new).status(), 303);
    assert_eq!(owner.post("/console/users", &new).status(), 422, "there is one");
    assert_eq!(Visitor::try_sign_in(&gateway, "rosa", "de diez letras").status(), 303);
    let short = [("name", "olga"), ("role", "viewer"), ("locale", "es"), ("password", "corta")];
    assert_eq!(owner.post("/console/users", &short).status(), 422);
    let short = run_with_input(gateway.folder(), &arguments("password", "rosa"), "corta\n");
    assert_eq!(short.code, Some(2), "{short:?}");
}

#[test]
fn guessing_ends_after_a_few_tries() {
    let gateway = TestGateway::start();
    Visitor::create(&gateway, "ana", "agent");
    let tries: Vec<u16> = (0..12).map(|_| Visitor::try_sign_in(&gateway, "ana", "guessed badly").status()).collect();
    assert_eq!(tries, [vec![422; 10], vec![429; 2]].concat());
    assert_eq!(Visitor::try_sign_in(&gateway, "ana", Visitor::password()).status(), 429, "also the right one waits");
    // A proxy in front says who it is.
    let from = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(Visitor::sign_in_with(&gateway, "ana", Visitor::password(), &from).status(), 303);
}

#[test]
fn only_a_proxy_that_is_trusted_says_who_it_was() {
    let guess = |gateway: &TestGateway, told: &str| {
        let from = [("x-forwarded-for", told)];
        Visitor::sign_in_with(gateway, "ana", "guessed badly", &from).status()
    };
    // The test's own proxy is on this machine, and has another one before it.
    let gateway =
        TestGateway::builder().config_toml("[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.1.0.0/16\"]").start();
    Visitor::create(&gateway, "ana", "agent");
    let tries: Vec<u16> =
        (0..11).map(|number| guess(&gateway, &format!("192.0.2.{number}, 203.0.113.9, 10.1.2.3"))).collect();
    assert_eq!(tries, [vec![422; 10], vec![429; 1]].concat(), "what they put before it themselves is not believed");
    assert_eq!(guess(&gateway, "203.0.113.10, 10.1.2.3"), 422, "somebody else");
    drop(gateway);

    let gateway = TestGateway::builder().config_toml("[server]\ntrusted_proxies = []").start();
    Visitor::create(&gateway, "ana", "agent");
    let tries: Vec<u16> = (0..11).map(|number| guess(&gateway, &format!("192.0.2.{number}"))).collect();
    assert_eq!(tries, [vec![422; 10], vec![429; 1]].concat(), "nobody is believed");
    let told = |line: &serde_json::Value| line.to_string().contains("trusted_proxies");
    assert!(gateway.log().lines().iter().any(told), "the log says what to do");
}

#[test]
fn an_address_that_is_none_of_ours_leads_to_the_page_that_says_so() {
    let gateway = TestGateway::builder().no_plugins().start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    for path in ["/contacts/nobody", "/conversations/1", "/messages/%20/trace", "/bulks/%ff", "/conversations/1/panel"]
    {
        let answer = agent.get(&format!("/console{path}"));
        assert_eq!(answer.status(), 404, "{path}: {}", answer.text());
        assert!(answer.text().contains("It does not exist, or is gone."), "{path}: {}", answer.text());
    }
}
