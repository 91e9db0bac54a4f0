//! Somebody who works in the console, with a browser of few words: it keeps one cookie, and sends forms as
//! browsers do.

use http::{Method, Request};

use crate::{Answer, Must, TestGateway, call, run_with_input};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    url: String,
    /// Name and value.
    pub cookie: String,
    /// What the forms of the session carry.
    pub csrf: String,
}

/// A file that somebody chose in a form.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    pub field: &'a str,
    pub name: &'a str,
    pub content_type: &'a str,
    pub contents: &'a [u8],
}

const PASSWORD: &str = "una contraseña larga";

impl Visitor {
    /// Lets somebody in by the command line, and signs them in.
    pub fn new(gateway: &TestGateway, name: &str, role: &str) -> Self {
        Self::create(gateway, name, role);
        let answer = Self::try_sign_in(gateway, name, PASSWORD);
        Self::of(gateway, &answer)
    }

    /// Lets somebody in by the command line; the password is [`Visitor::password`].
    pub fn create(gateway: &TestGateway, name: &str, role: &str) {
        let arguments = ["--config", "test.toml", "user", "create", "--name", name, "--role", role, "--locale", "en"];
        run_with_input(gateway.folder(), &arguments, &format!("{PASSWORD}\n")).good();
    }

    /// What everybody here has as their password.
    pub fn password() -> &'static str {
        PASSWORD
    }

    /// What the sign-in page makes of this.
    pub fn try_sign_in(gateway: &TestGateway, name: &str, password: &str) -> Answer {
        Self::sign_in_with(gateway, name, password, &[])
    }

    /// The same, with more headers.
    pub fn sign_in_with(gateway: &TestGateway, name: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
        let form = [("name", name), ("password", password)];
        let origin = gateway.url();
        let headers: Vec<_> = [("origin", origin.as_str())].into_iter().chain(headers.iter().copied()).collect();
        post(&gateway.url(), "/console/sign-in", &headers, &form)
    }

    /// Whom that answer let in.
    pub fn of(gateway: &TestGateway, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").must("a cookie").split(';').next().unwrap_or_default().to_owned();
        let mut visitor = Self { url: gateway.url(), cookie, csrf: String::new() };
        let page = visitor.get("/console/account");
        let text = page.text();
        let csrf = text.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        csrf.must("the forms' secret").clone_into(&mut visitor.csrf);
        visitor
    }

    pub fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url)).header("cookie", &self.cookie);
        call(request.body(bytes::Bytes::new()).must("a request")).must("the gateway")
    }

    /// A form of a page, as the browser sends it.
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let form: Vec<_> = form.iter().copied().chain([("csrf", self.csrf.as_str())]).collect();
        self.post_with(path, &[("origin", &self.url)], &form)
    }

    /// A form with files, as the browser sends it.
    pub fn post_files(&self, path: &str, form: &[(&str, &str)], files: &[Chosen<'_>]) -> Answer {
        const BOUNDARY: &str = "----a-form-of-a-visitor";
        let mut body = Vec::new();
        for (name, value) in form.iter().copied().chain([("csrf", self.csrf.as_str())]) {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        for Chosen { field, name, content_type, contents } in files {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: {content_type}\r\n\r\n"
            );
            body.extend_from_slice(&[head.as_bytes(), contents, b"\r\n"].concat());
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let request = Request::post(format!("{}{path}", self.url))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("origin", &self.url)
            .header("cookie", &self.cookie);
        call(request.body(body.into()).must("a request")).must("the gateway")
    }

    /// A form with these headers and fields, and no others.
    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().copied().chain([("cookie", self.cookie.as_str())]).collect();
        post(&self.url, path, &headers, form)
    }
}

fn post(url: &str, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::builder().method(Method::POST).uri(format!("{url}{path}"));
    request = request.header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(request.body(body.into()).must("a request")).must("the gateway")
}
