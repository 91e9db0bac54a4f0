//! Settings from all their sources, and what is said when they are wrong.

use secrecy::ExposeSecret;

use super::*;

fn sources(file: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recado.toml");
    std::fs::write(&path, file).unwrap();
    let account = [("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"), ("TWILIO_AUTH_TOKEN", "hush")];
    let environment = account.iter().chain(variables).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    (folder, Sources { file: Some(path), environment, flags: Vec::new() })
}

fn problem(file: &str, variables: &[(&str, &str)]) -> String {
    let (folder, sources) = sources(file, variables);
    let error = sources.load().unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn the_defaults_need_only_an_account() {
    let (_folder, sources) = sources("", &[]);
    let config = sources.load().unwrap();
    assert_eq!(config.defaults.region, "MX");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.plugins.len(), 1);
    assert_eq!(
        config.plugins[0].config["text"],
        "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438"
    );
}

#[test]
fn the_usual_channel_is_left_out_only_where_nobody_speaks_of_it() {
    const OTHER: &str = "[channels.tg]\nkind = 'component'\ncomponent = 'builtin:telegram'\n";
    let names = |file: &str, variables: &[(&str, &str)]| {
        let (_folder, mut sources) = sources(file, &[]);
        sources.environment = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        sources
            .load()
            .map(|config| config.channels.keys().cloned().collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    assert_eq!(names(OTHER, &[]), Ok(vec!["tg".to_owned()]));
    let meant = names(OTHER, &[("TWILIO_PHONE_NUMBER", "+15005550006")]).unwrap_err();
    assert!(meant.contains("channels.sms.account_sid"), "{meant}");
    let meant = names(&format!("{OTHER}[channels.sms]\nfrom = '+15005550006'"), &[]).unwrap_err();
    assert!(meant.contains("channels.sms.account_sid"), "{meant}");
    let other_kind = "[channels.sms]\nkind = 'component'\ncomponent = 'builtin:telegram'";
    assert_eq!(names(other_kind, &[]), Ok(vec!["sms".to_owned()]));
}

#[test]
fn each_source_overrides_the_one_before() {
    let file = "[delivery]\ntries = 3\nparallel = 5\n[defaults]\nregion = \"US\"";
    let (_folder, mut sources) = sources(file, &[("RECADO_DELIVERY__TRIES", "9"), ("RECADO_DELIVERY__LEASE_S", "90")]);
    sources.flags = vec![("delivery.lease_s".to_owned(), Value::from(99))];
    let config = sources.load().unwrap();
    let delivery = &config.delivery;
    assert_eq!((delivery.parallel, delivery.tries, delivery.lease_s), (5, 9, 99));
    assert_eq!(config.defaults.region, "US");
}

#[test]
fn numbers_and_tokens_in_variables_stay_text() {
    let digits = "12345678901234567890123456789012";
    let variables = [
        ("RECADO_CHANNELS__SMS__FROM", "+525512345678"),
        ("TWILIO_AUTH_TOKEN", digits),
        ("RECADO_API_KEY", "x"),
        ("RECADO_DELIVERY__BACKOFF_FACTOR", "1.5"),
        ("RECADO_DELIVERY__BACKOFF_S", "3"),
    ];
    let (_folder, sources) = sources("", &variables);
    let config = sources.load().unwrap();
    assert_eq!(
        (config.delivery.backoff_factor, config.delivery.backoff_s),
        (1.5, 3),
        "and where they are none, numbers"
    );
    let channel = Channels::build(&config.channels, &channels::no_components).unwrap();
    assert_eq!(channel.get("sms").unwrap().sender().unwrap().as_str(), "+525512345678");
}

/// A file, variables, and what the message must hold.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn what_is_wrong_names_its_origin_its_key_and_the_remedy() {
    let cases: [Case; 22] = [
        ("[reconcile]\nresend_after_s = 10", &[], "`reconcile.resend_after_s`: is 10, but must be at least 20"),
        ("[server]\nlisten = 1", &[], "FOLDER/recado.toml: `server.listen`"),
        ("[servr]\nlisten = 1", &[], "FOLDER/recado.toml: `servr`: there is no such key; there are: server"),
        ("[delivery]\nlease_s = 10", &[], "FOLDER/recado.toml: `delivery.lease_s`: is 10, but must be at least 21"),
        (
            "[endpoints.crm]\nurl = \"https://127.0.0.1/\"\nsecret = \"hush\"",
            &[],
            "FOLDER/recado.toml: `endpoints.crm.url`: is an address of this machine or its network",
        ),
        (
            "[endpoints.crm]\nurl = \"https://crm.mx/\"\nsecret = \"env:NO_SUCH_KEY\"",
            &[],
            "`endpoints.crm.secret`: the environment variable NO_SUCH_KEY is not set, or empty",
        ),
        (
            "[endpoints.\"c r m\"]\nurl = \"https://crm.mx/\"\nsecret = \"hush\"",
            &[],
            "`endpoints.c r m`: is no name for an endpoint",
        ),
        ("[plugin_files]\nfetched = \"\"", &[], "FOLDER/recado.toml: `plugin_files.fetched`: is empty"),
        ("[database]\ntimeout_s = 4", &[], "FOLDER/recado.toml: `database.timeout_s`: is 4, but must be 5 to 600"),
        ("[media]\nlink_ttl_h = 10", &[], "FOLDER/recado.toml: `media.link_ttl_h`: is 10, but must be at least 11"),
        ("[server]\npublic_url = \"https://a.mx/\"", &[], "`server.public_url`: must not end with a slash"),
        ("[server]\nmetrics_token = \"short\"", &[], "`server.metrics_token`: must have 16 characters at least"),
        (
            "",
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")],
            "the environment variable OTEL_EXPORTER_OTLP_ENDPOINT: `telemetry.otlp_endpoint`: is no URL",
        ),
        ("[defaults]\ntime_zone = \"Cancun\"", &[], "`defaults.time_zone`: `Cancun` is no time zone"),
        ("[defaults]\nregion = \"Mexico\"", &[], "`defaults.region`: `Mexico` is no country code"),
        (
            "",
            &[("RECADO_DELIVERY__TRIES", "many")],
            "the environment variable RECADO_DELIVERY__TRIES: `delivery.tries`",
        ),
        ("", &[("RECADO_DELIVERY__TRIES", "0")], "the environment variable RECADO_DELIVERY__TRIES: `delivery.tries`"),
        ("[[plugins]]\nname = \"a\"\ncomponent = \"b\"\non_error = \"ask\"", &[], "must be one of: skip, stop"),
        (
            "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\nmemory_mib = 65",
            &[],
            "FOLDER/recado.toml: `plugins.a.memory_mib`: is 65, but must be 1 to 64",
        ),
        (
            "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\nhosts = [\"ftp://c\"]",
            &[],
            "`plugins.a.hosts`: `ftp://c` is neither http nor https; write it as in api.example.com",
        ),
        (
            "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\n[plugins.secrets]\nkey = \"short\"",
            &[],
            "`plugins.a.secrets.key`: is shorter than 8 characters",
        ),
        (
            "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\n[plugins.secrets]\nkey = \"env:NO_SUCH_KEY\"",
            &[],
            "`plugins.a.secrets.key`: the environment variable NO_SUCH_KEY is not set, or empty",
        ),
    ];
    for (file, variables, expected) in cases {
        let problem = problem(file, variables);
        assert!(problem.contains(expected), "{problem}\n  should have: {expected}");
    }
}

#[test]
fn showing_gives_origins_and_no_secret() {
    let url = "postgres://recado:hushhush@db/recado";
    let (_folder, sources) = sources("[delivery]\ntries = 3", &[("RECADO_DATABASE__URL", url)]);
    let shown = show(&sources.figment().unwrap()).unwrap();
    let find = |key: &str| shown.iter().find(|shown| shown.key == key).unwrap();
    assert_eq!(find("server.listen").origin, "the built-in defaults");
    assert!(find("delivery.tries").origin.ends_with("recado.toml"));
    assert_eq!(find("channels.sms.account_sid").origin, "the environment variable TWILIO_ACCOUNT_SID");
    assert_eq!(find("channels.sms.auth_token").value, "(secret)");
    let all = serde_json::to_string(&shown).unwrap();
    assert!(!all.contains("hush"), "{all}");
}

#[test]
fn a_password_among_the_parameters_of_a_database_is_not_shown() {
    for (url, expected) in [
        (
            "postgres://db/recado?user=me&password=hush&sslmode=require",
            "postgres://db/recado?user=me&password=secret&sslmode=require",
        ),
        ("postgres://me:hush@db/recado?password=hush", "postgres://me:secret@db/recado?password=secret"),
        ("postgres://db/recado?user=me", "postgres://db/recado?user=me"),
    ] {
        let (_folder, sources) = sources("", &[("RECADO_DATABASE__URL", url)]);
        let shown = show(&sources.figment().unwrap()).unwrap();
        let shown = shown.iter().find(|shown| shown.key == "database.url").unwrap();
        assert_eq!(shown.value, expected);
    }
}

#[test]
fn a_plugins_secrets_come_from_the_settings_or_the_environment_and_are_never_shown() {
    let file = "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\n[plugins.secrets]\nplain = \"hush-hush\"\n\
                kept = \"env:API_KEY\"\nbound = { value = \"env:API_KEY\", hosts = [\"api.example.com\"] }";
    let (_folder, sources) = sources(file, &[("API_KEY", "quiet-please")]);
    let config = sources.load().unwrap();
    let secret = |name: &str| match &config.plugins[0].secrets[name] {
        plugins::Secret::Plain(value) | plugins::Secret::Bound { value, .. } => value.expose_secret().to_owned(),
    };
    assert_eq!(["plain", "kept", "bound"].map(secret), ["hush-hush", "quiet-please", "quiet-please"]);
    let shown = show(&sources.figment().unwrap()).unwrap();
    let all = format!("{} {config:?} {sources:?}", serde_json::to_string(&shown).unwrap());
    assert!(all.contains("plugins.0.secrets.plain"), "{all}");
    assert!(!all.contains("hush-hush") && !all.contains("quiet-please"), "{all}");
}
