//! A browser without a screen, and what it looks at.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use recado_tests::{Log, Process};
use serde_json::{Value, json};

/// A desktop browser's window can't be as narrow as a phone; below this, a phone is emulated.
const NARROWEST_WINDOW: u32 = 500;

/// A running chromedriver; killed when dropped.
pub(crate) struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    /// None where there is no browser.
    pub(crate) fn start() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "says where the browser is")]
        let Ok(program) = std::env::var("RECADO_TEST_CHROMEDRIVER") else {
            eprintln!("skipped: no browser");
            return None;
        };
        let mut child = Command::new(program).arg("--port=0").stdout(Stdio::piped()).spawn().expect("chromedriver");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        let port = lines
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.').to_owned())
            })
            .expect("a port");
        Some(Self { child, url: format!("http://127.0.0.1:{port}") })
    }

    /// A window of this size; `more` is for the browser alone.
    pub(crate) async fn open(&self, profile: &Path, width: u32, height: u32, more: &[&str]) -> Client {
        self.open_with(profile, width, height, more, json!({})).await
    }

    /// A window in which no page's script runs.
    pub(crate) async fn open_without_scripts(&self, profile: &Path, width: u32, height: u32) -> Client {
        let preferences = json!({ "profile.managed_default_content_settings.javascript": 2 });
        self.open_with(profile, width, height, &[], preferences).await
    }

    async fn open_with(&self, profile: &Path, width: u32, height: u32, more: &[&str], preferences: Value) -> Client {
        let profile = format!("--user-data-dir={}", profile.display());
        let size = format!("--window-size={width},{height}");
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--lang=es",
            "--accept-lang=es",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        arguments.extend([profile.as_str(), size.as_str()]);
        arguments.extend(more);
        let mut options = json!({ "args": arguments, "prefs": preferences });
        if width < NARROWEST_WINDOW {
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 1.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let options = json!({ "goog:chromeOptions": options });
        let Value::Object(options) = options else { unreachable!("an object") };
        let capabilities: Capabilities = options;
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.url)
            .await
            .expect("the browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `recado dev` on this data, and the address of its phones and its gateway with the key.
pub(crate) fn dev(folder: &Path, log: &Log) -> (Process, Value) {
    let process = Process::start(folder, &["--json", "dev", "--port", "0", "--data", "data"], log);
    let line = process.wait_for_stdout(|text| text.contains('\n'));
    let reach = serde_json::from_str(line.lines().next().unwrap_or_default()).expect("where to reach it");
    (process, reach)
}

pub(crate) async fn find(client: &Client, css: &str) -> Element {
    let found = client.wait().at_most(Duration::from_secs(20)).for_element(Locator::Css(css)).await;
    match found {
        Ok(element) => element,
        Err(error) => panic!("{css}: {error}\n{}", client.source().await.unwrap_or_default()),
    }
}
