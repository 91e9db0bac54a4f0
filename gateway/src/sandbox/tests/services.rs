//! The account and its Messaging Service as resources.

use super::*;

#[tokio::test]
async fn a_service_has_a_webhook_of_its_own_or_that_of_the_number() {
    let application = Application::start(|heard| twiml(&format!("<Message>{}</Message>", heard.url))).await;
    let (of_number, of_service) = (format!("{}/number", application.url), format!("{}/service", application.url));
    let inbound_url = Some(of_number.clone());
    let with_service = Settings { messaging_service_sid: Some(SERVICE.to_owned()), inbound_url, ..settings() };
    let client = Client::start(with_service).await;
    let service = format!("/v1/Services/{SERVICE}");
    let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let call = async |method: Method, path: &str, form: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let response = client.request(method, path, &[("authorization", &basic)], body.into()).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let (status, before) = call(Method::GET, &service, &[]).await;
    assert_eq!((status, &before["use_inbound_webhook_on_number"]), (200, &json!(true)));
    client.text(ANA, "hola").await;
    assert_eq!(application.next().await.url, of_number);

    assert_eq!(before["smart_encoding"], true);
    let form = [("InboundRequestUrl", of_service.as_str()), ("UseInboundWebhookOnNumber", "false")];
    let (_, changed) = call(Method::POST, &service, &form).await;
    assert_eq!((&changed["inbound_request_url"], &changed["inbound_method"]), (&json!(of_service), &json!("POST")));
    client.text(ANA, "hola").await;
    assert_eq!(application.next().await.url, of_service);

    assert_eq!(call(Method::POST, &service, &[("FallbackUrl", "nonsense")]).await.0, 400);
    let (_, pool) = call(Method::GET, &format!("{service}/PhoneNumbers"), &[]).await;
    assert_eq!(pool["phone_numbers"][0]["phone_number"], NUMBER);
    assert_eq!(call(Method::GET, "/v1/Services/MG1", &[]).await.0, 404);
}

#[tokio::test]
async fn the_account_is_shown_to_its_token_alone() {
    let client = Client::start(settings()).await;
    let (status, account) = client.api(Method::GET, &format!("/2010-04-01/Accounts/{SID}.json"), &[]).await;
    assert_eq!((status, &account["status"], &account["type"]), (200, &json!("active"), &json!("Full")));
    let key = format!("SK{}", "1".repeat(32));
    client.page(Method::PUT, "/sandbox/keys", json!({ &key: "hush" })).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{key}:hush")));
    let get = async |path: String| {
        client.request(Method::GET, &path, &[("authorization", &basic)], Bytes::new()).await.status().as_u16()
    };
    assert_eq!(get(format!("/2010-04-01/Accounts/{SID}/Messages.json")).await, 200);
    assert_eq!(get(format!("/2010-04-01/Accounts/{SID}.json")).await, 401);
}

#[tokio::test]
async fn an_application_takes_the_place_of_the_numbers_webhook() {
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    let (_, numbers) = client.api(Method::GET, "/IncomingPhoneNumbers.json", &[]).await;
    let number = &numbers["incoming_phone_numbers"][0];
    assert_eq!(number["sms_application_sid"], "");
    let uri = number["uri"].as_str().unwrap();
    client.api(Method::POST, uri, &[("SmsApplicationSid", "AP1")]).await;
    assert_eq!(client.text(ANA, "hola").await["webhook"]["failure"], "the number has no webhook");
    client.api(Method::POST, uri, &[("SmsApplicationSid", "")]).await;
    client.text(ANA, "hola").await;
    application.next().await;
}
