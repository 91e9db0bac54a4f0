//! The API's own description, and what it says of who may do what, held against the gateway.

use std::collections::BTreeSet;

use http::Method;
use recado_tests::{TestGateway, run};
use serde_json::{Value, json};

/// Every operation: its method, an address that fits its path, the scopes it names: one of them is enough.
fn operations(document: &Value) -> Vec<(Method, String, Vec<String>)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let address = path
            .replace("{id}", "0192f3a4-5b6c-7d8e-9f00-112233445566")
            .replace("{name}", "nobody")
            .replace("{number}", "0");
        for (method, operation) in methods.as_object().unwrap() {
            let named = operation["security"].as_array().into_iter().flatten();
            let scopes: Vec<String> = named.filter_map(|one| one["key"][0].as_str().map(str::to_owned)).collect();
            assert!(!scopes.is_empty(), "{method} {path} names no scope");
            operations.push((method.to_uppercase().parse().unwrap(), address.clone(), scopes));
        }
    }
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

fn key(gateway: &TestGateway, scopes: &str) -> String {
    let arguments = ["--config", "test.toml", "--json", "key", "create", "--name", "test", "--scope", scopes];
    format!("Bearer {}", run(gateway.folder(), &arguments, &[]).good().json()["key"].as_str().unwrap())
}

#[test]
fn nothing_is_reached_without_the_key_and_the_scope_that_it_names() {
    let gateway = TestGateway::builder().no_plugins().start();
    let document = gateway.get("/openapi.json").expect(200);
    let operations = operations(&document);
    let scopes: BTreeSet<&str> = operations.iter().flat_map(|(_, _, scopes)| scopes).map(String::as_str).collect();
    let keys: Vec<(&str, String)> = scopes.iter().map(|scope| (*scope, key(&gateway, scope))).collect();
    for (method, path, scopes) in &operations {
        let ask = |authorization: Option<&str>| {
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(authorization.map(|key| ("authorization", key)));
            gateway.request(method.clone(), path, &headers, "{}").status()
        };
        assert_eq!(ask(None), 401, "{method} {path}");
        assert_eq!(ask(Some("Bearer recado_0000")), 401, "{method} {path}");
        for (other, key) in &keys {
            let status = ask(Some(key));
            if scopes.iter().any(|scope| scope == other) {
                assert!(![401, 403, 405].contains(&status) && status < 500, "{method} {path}: {status}");
            } else {
                assert_eq!(status, 403, "{method} {path} with {other}");
            }
        }
    }
}

#[test]
fn the_document_is_the_same_without_a_gateway_and_has_a_page() {
    let gateway = TestGateway::builder().no_plugins().start();
    let mut served = gateway.get("/openapi.json").expect(200);
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served["servers"], json!([{ "url": gateway.url() }]));
    served.as_object_mut().unwrap().remove("servers");
    let printed = run(gateway.folder(), &["openapi"], &[]).good();
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), served);
    let page = gateway.request(Method::GET, "/docs/", &[], "");
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("swagger-ui-bundle.js"), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("connect-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let settings = gateway.request(Method::GET, "/docs/swagger-initializer.js", &[], "").text();
    assert!(settings.contains("../openapi.json") && settings.contains(r#""validatorUrl": "none""#), "{settings}");
    let style = gateway.request(Method::GET, "/docs/swagger-ui.css", &[], "");
    assert!(style.status() == 200 && style.bytes().len() > 10_000, "it comes with the gateway");
}
