//! An OCI registry: what is pulled from one, as the distribution specification has it.
//!
//! It asks whoever comes for a token, which its own `/token` gives: to anybody, or to one user. A blob is
//! elsewhere, behind a redirect, where nobody shows a token.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::background::block;
use crate::provider::{Received, read};
use crate::{Must, basic};

const TOKEN: &str = "a-token-for-pulling";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry at work; away once it is dropped.
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: oneshot::Sender<()>,
}

struct Shared {
    contents: Mutex<Contents>,
    /// Who may come in.
    door: Door,
    /// Whether it answers nobody for now.
    held: watch::Sender<bool>,
}

enum Door {
    /// Whoever asks for a token gets one.
    Anybody,
    /// Who asks for a token by this `Authorization`.
    Token(String),
    /// Who shows this one, without a token.
    Basic(String),
}

#[derive(Default)]
struct Contents {
    /// By `repository:tag`, the digest of the manifest.
    tags: BTreeMap<String, String>,
    /// Manifests and components, by digest.
    blobs: BTreeMap<String, Vec<u8>>,
    requests: Vec<String>,
}

struct Reply {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Registry {
    pub fn start() -> Self {
        Self::serve(Door::Anybody)
    }

    /// Which gives tokens to this user alone.
    pub fn of_user(user: &str, password: &str) -> Self {
        Self::serve(Door::Token(basic(user, password)))
    }

    /// Which gives no tokens, and is shown a password each time.
    pub fn by_password(user: &str, password: &str) -> Self {
        Self::serve(Door::Basic(basic(user, password)))
    }

    fn serve(door: Door) -> Self {
        let shared = Arc::new(Shared { contents: Mutex::default(), door, held: watch::Sender::new(false) });
        let (running, mut stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&shared);
        let address = block(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.must("a port");
            let address = listener.local_addr().must("a port");
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let Ok((connection, _)) = accepted else { return };
                            let shared = Arc::clone(&serving);
                            tokio::spawn(async move { shared.converse(connection, address).await });
                        }
                        _ = &mut stopped => return,
                    }
                }
            });
            address
        });
        Self { address, shared, _running: running }
    }

    /// Puts a component there as `wkg oci push` does, and gives the digest of its manifest.
    pub fn push(&self, name: &str, component: &[u8]) -> String {
        self.push_as(name, "application/wasm", component.len(), component)
    }

    /// The same, with whatever its manifest says of it.
    pub fn push_as(&self, name: &str, media_type: &str, size: usize, component: &[u8]) -> String {
        let config = self.put(b"{}");
        let layer = json!({ "mediaType": media_type, "digest": self.put(component), "size": size });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": config, "size": 2 },
            "layers": [layer],
        });
        let digest = self.put(manifest.to_string().as_bytes());
        self.contents().tags.insert(name.to_owned(), digest.clone());
        digest
    }

    /// From now on it gives these bytes for what has this digest.
    pub fn spoil(&self, digest: &str, bytes: &[u8]) {
        self.contents().blobs.insert(digest.to_owned(), bytes.to_vec());
    }

    /// Whether it reads what is asked for and says nothing for now.
    pub fn hold(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// `oci://` and where something is.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.address)
    }

    /// What was asked for so far: paths, in order.
    pub fn requests(&self) -> Vec<String> {
        self.contents().requests.clone()
    }

    fn put(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.contents().blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    fn contents(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As registries write it.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Shared {
    /// One request on one connection.
    async fn converse(&self, mut connection: TcpStream, address: SocketAddr) {
        let Some(received) = read(&mut connection).await else { return };
        self.note(&received);
        // The sender lives in `self`.
        let _ = self.held.subscribe().wait_for(|held| !*held).await;
        let reply = self.reply(&received, address);
        let mut head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in reply.headers {
            head.extend([name, ": ", &value, "\r\n"]);
        }
        // Whoever asked may have gone.
        let _ =
            connection.write_all(&[format!("{head}connection: close\r\n\r\n").as_bytes(), &reply.body].concat()).await;
    }

    fn note(&self, received: &Received) {
        let path = received.path.split('?').next().unwrap_or_default().to_owned();
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).requests.push(path);
    }

    fn reply(&self, received: &Received, address: SocketAddr) -> Reply {
        let (path, query) = received.path.split_once('?').unwrap_or((&received.path, ""));
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if path == "/token" {
            return self.token(received, query);
        }
        let shown = received.authorization.as_deref();
        if let Some(digest) = path.strip_prefix("/elsewhere/") {
            // What is signed in its URL is not asked for by a token as well.
            return match (shown, contents.blobs.get(digest)) {
                (None, Some(blob)) => Reply { status: "200 OK", headers: Vec::new(), body: blob.clone() },
                (None, None) => error("404 Not Found", "BLOB_UNKNOWN"),
                (Some(_), _) => error("400 Bad Request", "UNSUPPORTED"),
            };
        }
        let expected = match &self.door {
            Door::Basic(basic) => basic.clone(),
            Door::Anybody | Door::Token(_) => format!("Bearer {TOKEN}"),
        };
        if shown != Some(&expected) {
            return self.challenge(path, address);
        }
        let Some(rest) = path.strip_prefix("/v2/") else { return error("404 Not Found", "NAME_UNKNOWN") };
        if let Some((repository, name)) = rest.split_once("/manifests/") {
            let tagged = contents.tags.get(&format!("{repository}:{name}")).map_or(name, String::as_str);
            return manifest(tagged, contents.blobs.get(tagged));
        }
        match rest.split_once("/blobs/") {
            Some((_, digest)) if contents.blobs.contains_key(digest) => {
                // Another name of this machine is another place.
                let location = format!("http://localhost:{}/elsewhere/{digest}?signature=x", address.port());
                let headers = vec![("location", location)];
                Reply { status: "307 Temporary Redirect", headers, body: Vec::new() }
            }
            _ => error("404 Not Found", "BLOB_UNKNOWN"),
        }
    }

    fn challenge(&self, path: &str, address: SocketAddr) -> Reply {
        let repository = path.trim_start_matches("/v2/").split("/manifests/").next().unwrap_or_default();
        let challenge = match self.door {
            Door::Basic(_) => "Basic realm=\"registry\"".to_owned(),
            Door::Anybody | Door::Token(_) => format!(
                "Bearer realm=\"http://{address}/token\",service=\"{address}\",scope=\"repository:{repository}:pull\""
            ),
        };
        let refused = error("401 Unauthorized", "UNAUTHORIZED");
        Reply { headers: vec![("www-authenticate", challenge)], ..refused }
    }

    fn token(&self, received: &Received, query: &str) -> Reply {
        let asked: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let scope =
            asked.get("scope").is_some_and(|scope| scope.starts_with("repository:") && scope.ends_with(":pull"));
        let expected = match &self.door {
            Door::Token(basic) => Some(basic),
            Door::Anybody | Door::Basic(_) => None,
        };
        if !scope || !asked.contains_key("service") || received.authorization.as_ref() != expected {
            return error("401 Unauthorized", "UNAUTHORIZED");
        }
        let body = json!({ "token": TOKEN, "expires_in": 300 }).to_string().into_bytes();
        Reply { status: "200 OK", headers: vec![("content-type", "application/json".to_owned())], body }
    }
}

fn manifest(digest: &str, found: Option<&Vec<u8>>) -> Reply {
    let Some(body) = found else { return error("404 Not Found", "MANIFEST_UNKNOWN") };
    let headers = vec![("content-type", MANIFEST.to_owned()), ("docker-content-digest", digest.to_owned())];
    Reply { status: "200 OK", headers, body: body.clone() }
}

fn error(status: &'static str, code: &str) -> Reply {
    let body: Value = json!({ "errors": [{ "code": code, "message": code.to_lowercase() }] });
    let headers = vec![("content-type", "application/json".to_owned())];
    Reply { status, headers, body: body.to_string().into_bytes() }
}
