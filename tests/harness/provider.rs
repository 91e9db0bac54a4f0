//! A provider that does as it is told: for answers that the local Twilio does not give.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::background::block;
use crate::{ACCOUNT_SID, Must, wait_for};

/// What the provider does with one request.
#[derive(Clone, Debug)]
pub enum Step {
    /// Takes the message, as Twilio does.
    Accept,
    /// Answers with this status, these headers and this body.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Reads the request and says nothing until [`ScriptedProvider::release`]; then takes it.
    Hold,
    /// Reads the request and closes the connection.
    Cut,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Of its `Authorization` header.
    pub authorization: Option<String>,
    /// Of its `X-Twilio-Signature` header.
    pub signature: Option<String>,
    pub form: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// As it came.
    pub body: String,
}

impl Received {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The first parameter of that name.
    pub fn get(&self, name: &str) -> &str {
        self.form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Takes the steps in order, and accepts whatever comes after the last.
pub struct ScriptedProvider {
    address: SocketAddr,
    socket: Option<TcpSocket>,
    shared: Arc<Shared>,
    /// Ends the accept loop when it is dropped.
    running: Option<oneshot::Sender<()>>,
}

struct Shared {
    steps: Mutex<VecDeque<Step>>,
    received: Mutex<Vec<Received>>,
    listed: Mutex<Value>,
    lists: AtomicUsize,
    released: watch::Sender<bool>,
}

impl ScriptedProvider {
    /// At work from the start.
    pub fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut provider = Self::closed(steps);
        provider.open();
        provider
    }

    /// With an address at which connections are refused until [`open`](Self::open).
    pub fn closed(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps: VecDeque<Step> = steps.into_iter().collect();
        let (socket, address) = block(async {
            let socket = TcpSocket::new_v4().must("a socket");
            socket.bind(([127, 0, 0, 1], 0).into()).must("a port");
            let address = socket.local_addr().must("a port");
            (socket, address)
        });
        let (released, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            steps: Mutex::new(steps),
            received: Mutex::default(),
            listed: Mutex::new(json!([])),
            lists: AtomicUsize::new(0),
            released,
        });
        Self { address, socket: Some(socket), shared, running: None }
    }

    /// Begins to take connections.
    pub fn open(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        let shared = Arc::clone(&self.shared);
        let (running, mut stopped) = oneshot::channel();
        self.running = Some(running);
        block(async move {
            let listener = socket.listen(128).must("a listener");
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        Ok((connection, _)) = listener.accept() => {
                            let shared = Arc::clone(&shared);
                            tokio::spawn(async move { shared.serve(connection).await });
                        }
                        _ = &mut stopped => return,
                    }
                }
            });
        });
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets every request go on that is being held.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The messages that it lists from now on, in Twilio's form; at first none.
    pub fn list(&self, messages: Value) {
        *self.shared.listed.lock().unwrap_or_else(PoisonError::into_inner) = messages;
    }

    /// Waits until it was asked for its list that often more.
    pub fn wait_for_lists(&self, count: usize) {
        let wanted = self.shared.lists.load(Ordering::SeqCst) + count;
        wait_for("questions to the provider", || (self.shared.lists.load(Ordering::SeqCst) >= wanted).then_some(()));
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came, once it is as many.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_for("the request to the provider", || Some(self.received()).filter(|received| received.len() >= count))
    }
}

impl Shared {
    /// One request on one connection.
    async fn serve(&self, mut connection: TcpStream) {
        let Some(received) = read(&mut connection).await else { return };
        if let Some(answer) = self.look_up(&received).filter(|_| received.method == "GET") {
            // Whoever asked may have gone.
            let _ = connection.write_all(answer.as_bytes()).await;
            return;
        }
        let number = {
            let mut all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(received.clone());
            all.len()
        };
        let step = self.steps.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(Step::Accept);
        let answer = match step {
            Step::Cut => return,
            Step::Accept => accepted(number, &received),
            Step::Hold => {
                // The sender lives in `self`.
                let _ = self.released.subscribe().wait_for(|released| *released).await;
                accepted(number, &received)
            }
            Step::Answer(status, headers, body) => answer(status, headers, body),
        };
        // Whoever asked may have gone.
        let _ = connection.write_all(answer.as_bytes()).await;
    }
}

impl Shared {
    /// The list, or one message that is in it; neither takes a step.
    fn look_up(&self, received: &Received) -> Option<String> {
        let (path, query) = received.path.split_once('?').unwrap_or((&received.path, ""));
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let json = [("content-type", "application/json")];
        if path.ends_with("/Messages.json") {
            // Of what went to somebody or came in since; the doctor's question is none of these.
            if !["To=", "DateSent"].iter().any(|filter| query.contains(filter)) {
                return None;
            }
            // Those of what came in are another matter.
            let outbound = !query.contains("DateSent");
            let messages = if outbound { listed } else { json!([]) };
            self.lists.fetch_add(usize::from(outbound), Ordering::SeqCst);
            return Some(answer(200, &json, &json!({ "messages": messages, "next_page_uri": null }).to_string()));
        }
        let sid = alone(path)?;
        let message = listed.as_array()?.iter().find(|message| message["sid"] == sid)?;
        Some(answer(200, &json, &message.to_string()))
    }
}

/// The id of the message that is asked for by itself.
fn alone(path: &str) -> Option<&str> {
    let (_, file) = path.split_once("/Messages/")?;
    file.strip_suffix(".json").filter(|sid| !sid.contains('/'))
}

fn accepted(number: usize, received: &Received) -> String {
    let body = json!({
        "sid": format!("SM{number:032x}"),
        "account_sid": ACCOUNT_SID,
        "status": "queued",
        "to": received.get("To"),
        "from": received.get("From"),
        "body": received.get("Body"),
        "num_segments": "1",
        "error_code": null,
        "error_message": null,
    });
    answer(201, &[("content-type", "application/json")], &body.to_string())
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let mut head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    format!("{head}\r\n{body}")
}

pub(crate) async fn read(connection: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let body = &bytes[end + 4..];
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let named = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> =
            named.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let (authorization, signature) = (header("authorization"), header("x-twilio-signature"));
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let method = head.split(' ').next().unwrap_or_default().to_owned();
        let form = form_urlencoded::parse(body).into_owned().collect();
        let body = String::from_utf8_lossy(body).into_owned();
        return Some(Received { method, path, authorization, signature, form, headers, body });
    }
}
