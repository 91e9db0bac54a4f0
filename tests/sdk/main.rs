//! Recado and its local Twilio against what Twilio itself publishes: its `OpenAPI` files, and its
//! clients for Python and Node. README.md says what is needed; without it nothing is tested here.
#![cfg(test)]
#![expect(clippy::print_stderr, reason = "it says what it skips")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::Request;
use recado::clock::{Clock, SystemClock};
use recado_tests::{ACCOUNT_SID, AUTH_TOKEN, NUMBER, TestGateway, call, run};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";

/// Where Twilio's clients and Twilio's files are.
struct Tools {
    sdks: PathBuf,
    files: PathBuf,
}

impl Tools {
    fn find() -> Option<Self> {
        let Some(sdks) = std::env::var_os("RECADO_TEST_SDKS") else {
            eprintln!("skipped: no Twilio SDKs");
            return None;
        };
        let Some(files) = std::env::var_os("RECADO_TWILIO_OPENAPI") else {
            eprintln!("skipped: no OpenAPI files");
            return None;
        };
        Some(Self { sdks: sdks.into(), files: files.into() })
    }

    /// A script of this folder.
    fn script(&self, name: &str) -> Command {
        let is_node = Path::new(name).extension().is_some_and(|extension| extension == "mjs");
        let program = if is_node { "node".into() } else { self.sdks.join("venv/bin/python") };
        let mut command = Command::new(program);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(name))
            .env("RECADO_TEST_SDKS", &self.sdks)
            .env("RECADO_TWILIO_OPENAPI", &self.files)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        command
    }
}

/// The check between a client and its provider.
struct Proxy {
    child: Child,
    url: String,
}

impl Proxy {
    fn start(tools: &Tools) -> Self {
        let mut child = tools.script("proxy.py").stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}", port.trim()) }
    }

    /// In front of this provider.
    fn forward(&self, upstream: &str) {
        let request = Request::put(format!("{}/__upstream", self.url)).body(Bytes::from(upstream.to_owned())).unwrap();
        call(request).unwrap().expect(204);
    }

    /// Nothing was wrong, and each of these was asked for: method, and a piece of the path and form.
    #[track_caller]
    fn settle(&self, wanted: &[&str]) {
        let request = Request::get(format!("{}/__violations", self.url)).body(Bytes::new()).unwrap();
        let report = call(request).unwrap().expect(200);
        assert_eq!(report["violations"], json!([]), "{report:#}");
        let checked: Vec<&str> = report["checked"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for wanted in wanted {
            let (method, piece) = wanted.split_once(' ').unwrap();
            let seen = checked.iter().any(|line| line.starts_with(method) && line.contains(piece));
            assert!(seen, "nobody asked for {wanted}: {checked:#?}");
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn by_service(proxy: Option<&Proxy>) -> TestGateway {
    let base = proxy.map_or(String::new(), |proxy| format!("base_url = \"{}\"", proxy.url));
    // The clients listen on this machine.
    let callbacks = "[callbacks]\nprivate_addresses = true";
    let settings = format!("{callbacks}\n[channels.sms]\nmessaging_service_sid = \"{SERVICE}\"\n{base}");
    TestGateway::builder().no_plugins().messaging_service(SERVICE).config_toml(&settings).start()
}

#[track_caller]
fn succeed(mut script: Command) {
    let output = script.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let Some(tools) = Tools::find() else { return };
    succeed(tools.script("selftest.py"));
}

#[test]
fn what_recado_sends_is_as_specified() {
    let Some(tools) = Tools::find() else { return };
    let proxy = Proxy::start(&tools);
    let gateway = by_service(Some(&proxy));
    proxy.forward(gateway.twilio_url());
    let in_an_hour = (SystemClock.now() + jiff::SignedDuration::from_hours(1)).strftime("%Y-%m-%dT%H:%M:%SZ");
    let every_option = json!({
        "validity": 600, "smart_encoded": true, "shorten_urls": true, "risk_check": false, "provide_feedback": true,
        "discard_content": true, "send_as_mms": true, "force_delivery": true, "traffic_type": "free",
        "fallback_from": "+15005550006", "persistent_action": ["geo:20.2,-87.4|Recado"],
    });
    let content = json!({ "content": { "sid": "HX00000000000000000000000000000001", "variables": { "1": "Ana" } } });
    let cases = [
        (json!({ "text": "Hola ñandú 👍", "from": NUMBER }), "delivered"),
        (json!({ "text": "a".repeat(1700) }), "delivered"),
        (json!({ "text": "Mira", "media": ["https://example.com/a.png", "https://example.com/b.png"] }), "delivered"),
        (json!({ "text": "“Hola”", "options": every_option }), "delivered"),
        (json!({ "options": content }), "delivered"),
        (json!({ "text": "Nadie", "from": "+14155550100" }), "failed"),
        (json!({ "text": "Luego", "send_at": in_an_hour.to_string() }), "scheduled"),
    ];
    for (mut body, status) in cases {
        body["to"] = CUSTOMER.into();
        let id = gateway.post("/v1/messages", &body).expect(202)["id"].as_str().unwrap().to_owned();
        gateway.wait_for_status(&id, status);
        if status == "scheduled" {
            gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).expect(200);
        }
    }
    // Further requests that Recado makes: one line each here, and one in `settle`.
    proxy.settle(&[
        "POST &From=",
        "POST MediaUrl=https%3A%2F%2Fexample.com%2Fb.png",
        "POST ValidityPeriod=600",
        "POST SmartEncoded=true",
        "POST ShortenUrls=true",
        "POST RiskCheck=disable",
        "POST ProvideFeedback=true",
        "POST ContentRetention=discard",
        "POST SendAsMms=true",
        "POST FallbackFrom=",
        "POST PersistentAction=",
        "POST ContentSid=HX",
        "POST ScheduleType=fixed",
        "POST Status=canceled",
        "POST -> 400",
    ]);
}

/// Runs one of Twilio's clients against a provider in Twilio's form.
fn drive(script: &str, sandbox: bool) {
    let Some(tools) = Tools::find() else { return };
    let gateway = by_service(None);
    let proxy = Proxy::start(&tools);
    let mut script = tools.script(script);
    script.env("RECADO_BASE", &proxy.url).env("RECADO_NUMBER", NUMBER).env("RECADO_SERVICE", SERVICE);
    if sandbox {
        proxy.forward(gateway.twilio_url());
        script.env("RECADO_ACCOUNT", ACCOUNT_SID).env("RECADO_PASSWORD", AUTH_TOKEN).env("RECADO_TOKEN", AUTH_TOKEN);
        script.env("RECADO_SANDBOX", gateway.twilio_url());
    } else {
        let made = run(gateway.folder(), &["--config", "test.toml", "--json", "key", "create", "--name", "sdk"], &[]);
        let made = made.good().json();
        let account = made["account_sid"].as_str().unwrap();
        proxy.forward(&gateway.url());
        script.env("RECADO_ACCOUNT", account).env("RECADO_PASSWORD", made["key"].as_str().unwrap());
        script.env("RECADO_TOKEN", made["auth_token"].as_str().unwrap());
    }
    succeed(script);
    let common = ["POST Messages.json", "POST MediaUrl=", "POST Status=canceled", "GET PageToken=", "DELETE Messages/"];
    proxy.settle(&common);
    if sandbox {
        proxy.settle(&["POST Feedback.json", "POST IncomingPhoneNumbers/", "GET /v2/PhoneNumbers/", "GET Media.json"]);
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
