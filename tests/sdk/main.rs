//! Recado and its local Twilio against what Twilio itself publishes: its `OpenAPI` files, and its
//! clients for Python and Node; and what applications are told against the library of Standard Webhooks. README.md says what is needed; without it nothing is tested here.
#![cfg(test)]
#![expect(clippy::print_stderr, reason = "it says what it skips")]

mod proxy;
mod requests;
mod tools;

use std::path::Path;

use recado_tests::{ACCOUNT_SID, AUTH_TOKEN, NUMBER, Plugin, ScriptedProvider, TestGateway, run};

use proxy::Proxy;
use tools::{Tools, succeed};

const SERVICE: &str = "MG00000000000000000000000000000001";

/// What Recado's API of Twilio's form does not do yet, in words that the scripts know. There they make sure that
/// it is refused or missing; without the word, that it works:
///
/// - `types`: media that are sent by their URL show what they are.
const NOT_YET: &str = "types";

/// Sends by a service, and with these settings over the usual ones.
fn by_service(proxy: Option<&Proxy>, settings: &str) -> TestGateway {
    let base = proxy.map_or(String::new(), |proxy| format!("[channels.sms]\nbase_url = \"{}\"", proxy.url()));
    // The clients listen on this machine.
    let callbacks = "[callbacks]\nprivate_addresses = true";
    let builder = TestGateway::builder().no_plugins().messaging_service(SERVICE);
    builder.config_toml(callbacks).config_toml(&base).config_toml(settings).start()
}

#[test]
fn the_check_finds_what_is_wrong() {
    let Some(tools) = Tools::with_files() else { return };
    succeed(tools.script("selftest.py"));
}

/// Runs one of Twilio's clients against a provider in Twilio's form; by the proxy where it can check something.
fn drive(script: &str, sandbox: bool) {
    let Some(tools) = Tools::find() else { return };
    let gateway = by_service(None, "");
    let proxy = tools.has_files().then(|| Proxy::start(&tools));
    let provider = if sandbox { gateway.twilio_url().to_owned() } else { gateway.url() };
    let base = proxy.as_ref().map_or(provider.as_str(), |proxy| {
        proxy.forward(&provider);
        proxy.url()
    });
    let mut script = tools.script(script);
    script.env("RECADO_BASE", base).env("RECADO_NUMBER", NUMBER).env("RECADO_SERVICE", SERVICE);
    if sandbox {
        script.env("RECADO_ACCOUNT", ACCOUNT_SID).env("RECADO_PASSWORD", AUTH_TOKEN).env("RECADO_TOKEN", AUTH_TOKEN);
        script.env("RECADO_SANDBOX", gateway.twilio_url()).env("RECADO_NOT_YET", "");
    } else {
        let made = run(gateway.folder(), &["--config", "test.toml", "--json", "key", "create", "--name", "sdk"], &[]);
        let made = made.good().json();
        let [account, key, token] = ["account_sid", "key", "auth_token"].map(|name| made[name].as_str().unwrap());
        script.env("RECADO_ACCOUNT", account).env("RECADO_PASSWORD", key).env("RECADO_TOKEN", token);
        script.env("RECADO_NOT_YET", NOT_YET);
    }
    succeed(script);
    let Some(proxy) = proxy else { return };
    proxy.settle(&[
        ("CreateMessage", 201, "MediaUrl="),
        ("CreateMessage", 400, ""),
        ("UpdateMessage", 200, "Status=canceled"),
        ("UpdateMessage", 400, "Status=canceled"),
        ("CreateMessageFeedback", 200, "Outcome=unconfirmed"),
        ("FetchMessage", 200, ""),
        ("FetchMessage", 404, ""),
        ("DeleteMessage", 204, ""),
        ("ListMessage", 200, "To= DateSent%3E= PageToken=PA"),
        ("ListMessage", 200, "PageToken=PB"),
        ("ListMessage", 401, ""),
        ("ListMedia", 200, ""),
        ("FetchMedia", 200, ""),
        ("FetchMedium", 307, ""),
    ]);
    if sandbox {
        proxy.settle(&[
            ("DeleteMedia", 204, ""),
            ("ListIncomingPhoneNumber", 200, "PhoneNumber="),
            ("UpdateIncomingPhoneNumber", 200, "SmsUrl="),
            ("FetchPhoneNumber", 200, "Fields="),
        ]);
    }
}

#[test]
fn twilios_client_for_python_works_with_the_local_twilio() {
    drive("client.py", true);
}

#[test]
fn twilios_client_for_node_works_with_the_local_twilio() {
    drive("client.mjs", true);
}

#[test]
fn twilios_client_for_python_works_with_recado() {
    drive("client.py", false);
}

#[test]
fn twilios_client_for_node_works_with_recado() {
    drive("client.mjs", false);
}

#[test]
fn the_library_of_standard_webhooks_takes_what_an_endpoint_is_told() {
    let Some(tools) = Tools::find() else { return };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let application = ScriptedProvider::start([]);
    let settings = format!(
        "[endpoints.crm]\nurl = \"{}/hook\"\nsecret = \"{secret}\"\nprivate_addresses = true",
        application.url()
    );
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).config_toml(&settings).start();
    gateway.text("+529981122334", "forward crm; say ¿qué tal?");
    let [told] = application.wait_for(1).try_into().unwrap();
    let mut script = tools.script("webhooks.py");
    script.env("RECADO_SECRET", secret).env("RECADO_BODY", &told.body);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let variable = format!("RECADO_{}", name.to_uppercase().replace('-', "_"));
        script.env(variable, told.header(name));
    }
    succeed(script);
}

/// How many requests are made up for each operation and kind of test.
const EXAMPLES: &str = "25";

#[test]
fn the_api_answers_as_its_own_document_says_whatever_it_is_asked() {
    let Some(tools) = Tools::find() else { return };
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).allow_unsent().start();
    gateway.text("+529981122334", "say hola");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk/schemathesis.toml");
    let mut schemathesis = tools.program("schemathesis");
    schemathesis.arg("--config-file").arg(file).arg("run").arg(format!("{}/openapi.json", gateway.url()));
    schemathesis.args(["--header", &format!("Authorization: Bearer {}", gateway.key())]);
    schemathesis.args(["--checks", "all", "--max-examples", EXAMPLES, "--seed", "1"]);
    succeed(schemathesis);
}
