//! Settings: what is wrong is named with its place and its remedy, and secrets stay secret.

use recado_tests::{Ran, folder, run};
use serde_json::Value;

const ACCOUNT: [(&str, &str); 2] =
    [("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"), ("TWILIO_AUTH_TOKEN", "hush-hush-token")];

type Variables<'a> = &'a [(&'a str, &'a str)];

/// A command with these settings in `my.toml`, and these variables besides the account's.
fn recado(file: &str, variables: Variables<'_>, arguments: &[&str]) -> Ran {
    let folder = folder();
    std::fs::write(folder.path().join("my.toml"), file).unwrap();
    let arguments = [&["--config", "my.toml"], arguments].concat();
    run(folder.path(), &arguments, &[&ACCOUNT[..], variables].concat())
}

#[test]
fn check_says_where_the_mistake_is_and_what_would_be_right() {
    let cases: [(&str, Variables<'_>, &[&str]); 11] = [
        ("[server]\nlisten = 8080", &[], &["my.toml", "`server.listen`"]),
        ("[servidor]\nlisten = 1", &[], &["my.toml", "`servidor`", "there are: server, database"]),
        ("[delivery]\nlease_s = 10", &[], &["my.toml", "`delivery.lease_s`", "at least 21"]),
        ("[server]\npublic_url = \"sms.example.mx\"", &[], &["my.toml", "`server.public_url`"]),
        ("[defaults]\nregion = \"Mexico\"", &[], &["my.toml", "`defaults.region`", "two capitals, as in MX"]),
        ("[channels.sms]\nfrom = \"998 316 2438\"", &[], &["my.toml", "`channels.sms.from`", "E.164"]),
        ("[channels.sms]\nkind = \"fax\"", &[], &["my.toml", "channels.sms", "twilio"]),
        ("[channels.two]\nkind = \"twilio\"", &[], &["`channels.two.account_sid`", "TWILIO_ACCOUNT_SID"]),
        ("", &[("TWILIO_ACCOUNT_SID", "AC1")], &["TWILIO_ACCOUNT_SID", "`channels.sms.account_sid`", "32 hexadecimal"]),
        ("", &[("RECADO_DELIVERY__TRIES", "0")], &["RECADO_DELIVERY__TRIES", "`delivery.tries`", "at least once"]),
        ("[server", &[], &["my.toml"]),
    ];
    for (file, variables, expected) in cases {
        let ran = recado(file, variables, &["config", "check"]);
        assert_eq!(ran.code, Some(2), "{file:?} {variables:?}: {ran:?}");
        for part in expected {
            assert!(ran.stderr.contains(part), "{file:?} {variables:?} lacks {part}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
    }
    let served = recado("[delivery]\nlease_s = 10", &[], &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(served.code, Some(2), "what `check` refuses does not start: {served:?}");
    let missing = run(&std::env::temp_dir(), &["--config", "not-there.toml", "config", "check"], &[]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("not-there.toml"), "{missing:?}");
    let no_account = run(folder().path(), &["config", "check"], &[]);
    assert_eq!(no_account.code, Some(2));
    assert!(no_account.stderr.contains("TWILIO_ACCOUNT_SID"), "{no_account:?}");

    let good = recado("[delivery]\ntries = 3", &[], &["--json", "config", "check"]).good().json();
    assert_eq!(good["ok"], true);
}

#[test]
fn show_tells_every_value_and_its_origin_but_no_secret() {
    let variables = [
        ("RECADO_DATABASE__URL", "postgres://recado:hush-password@db/recado"),
        ("RECADO_CHANNELS__SMS__API_KEY_SECRET", "hush-secret"),
        ("RECADO_CHANNELS__SMS__AUTH_TOKENS", "hush-old,hush-older"),
    ];
    let shown = recado("[delivery]\ntries = 3", &variables, &["--json", "config", "show"]).good();
    assert!(!shown.stdout.contains("hush"), "{}", shown.stdout);
    let shown: Value = shown.json();
    let find = |key: &str| {
        let found = shown.as_array().unwrap().iter().find(|shown| shown["key"] == key);
        found.unwrap_or_else(|| panic!("{key} is not shown")).clone()
    };
    let origins = [
        ("server.listen", "the built-in defaults"),
        ("delivery.tries", "my.toml"),
        ("channels.sms.account_sid", "the environment variable TWILIO_ACCOUNT_SID"),
        ("channels.sms.auth_token", "the environment variable TWILIO_AUTH_TOKEN"),
        ("database.url", "the environment variable RECADO_DATABASE__URL"),
    ];
    for (key, origin) in origins {
        assert_eq!(find(key)["origin"], origin, "{key}");
    }
    assert_eq!(find("delivery.tries")["value"], 3);
    assert_eq!(find("channels.sms.from")["value"], "+529983162438");
    assert!(find("database.url")["value"].as_str().unwrap().contains("@db/recado"));
    let people = recado("", &variables, &["config", "show"]).good().stdout;
    assert!(people.contains("delivery.tries = 6    # the built-in defaults") && !people.contains("hush"), "{people}");
}

#[test]
fn plugins_that_can_not_be_used_stop_the_start_and_are_named() {
    let plugin = |component: &str, config: &str| {
        format!("[[plugins]]\nname = \"mine\"\ncomponent = \"{component}\"\n[plugins.config]\n{config}")
    };
    let cases = [
        (plugin("nowhere.wasm", ""), ["mine", "nowhere.wasm"]),
        (plugin("builtin:nothing", ""), ["mine", "builtin:auto-reply"]),
        (plugin("my.toml", ""), ["mine", "not a WebAssembly component"]),
        (plugin("builtin:auto-reply", "txt = \"a\""), ["mine", "txt"]),
    ];
    for (file, expected) in cases {
        let ran =
            recado(&file, &[("RECADO_DATABASE__URL", "sqlite://recado.db")], &["serve", "--listen", "127.0.0.1:0"]);
        assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
        for part in expected {
            assert!(ran.stderr.contains(part), "{file} lacks {part}: {}", ran.stderr);
        }
    }
}
