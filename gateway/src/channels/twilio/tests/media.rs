//! Which addresses media are fetched from, and who is shown the credential.

use super::*;

const MEDIUM: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM1/Media/ME1";

/// Whether it is fetched, and if so, with the credential.
fn fetched(channel: &Twilio, url: &str, hop: Hop) -> Option<bool> {
    let request = channel.media_request(url, hop).ok()?.request;
    assert_eq!(request.method(), http::Method::GET);
    Some(request.headers().contains_key("authorization"))
}

#[test]
fn the_api_is_asked_with_the_credential_and_files_without() {
    let channel = channel("");
    let url = format!("https://api.twilio.com{MEDIUM}");
    let first = channel.media_request(&url, Hop::First).unwrap();
    assert_eq!((first.request.uri().to_string(), first.chosen), (url.clone(), false));
    let authorization = &first.request.headers()["authorization"];
    assert!(authorization.to_str().unwrap().starts_with("Basic ") && authorization.is_sensitive());
    assert_eq!(fetched(&channel, &url, Hop::Redirected), None, "the API leads to files, not to itself");
    let files = [
        "https://mms.twiliocdn.com/AC00000000000000000000000000000001/abc?Signature=x",
        "https://mms.twiliocdn.com:443/abc#part",
        "https://media.twiliocdn.com/AC00000000000000000000000000000001/abc",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC00000000000000000000000000000001/abc",
    ];
    for url in files {
        assert_eq!(fetched(&channel, url, Hop::Redirected), Some(false), "{url}");
        assert_eq!(fetched(&channel, url, Hop::First), None, "{url}");
    }
}

#[test]
fn nothing_else_is_fetched() {
    let channel = channel("");
    let other = MEDIUM.replace("01/M", "02/M");
    let evil = [
        format!("http://api.twilio.com{MEDIUM}"),
        format!("https://api.twilio.com:8443{MEDIUM}"),
        format!("https://api.twilio.com{other}"),
        format!("https://user:word@api.twilio.com{MEDIUM}"),
        format!("https://api.twilio.com@evil.example{MEDIUM}"),
        format!("https://api.twilio.com\\@evil.example{MEDIUM}"),
        format!("https://api.twilio.com.evil.example{MEDIUM}"),
        format!("https://evilapi.twilio.com{MEDIUM}"),
        format!("https://api.twilio.com.{MEDIUM}"),
        format!("https://api.twilio.com{MEDIUM}/../../../../Messages.json"),
        format!("https://api.twilio.com{MEDIUM}/more"),
        format!("https://api.twilio.com{MEDIUM}%2f..%2fME2"),
        "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM1".to_owned(),
        "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Keys.json".to_owned(),
        "https://mms.twiliocdn.com.evil.example/abc".to_owned(),
        "https://mms.twiliocdn.com@evil.example/abc".to_owned(),
        "https://user@mms.twiliocdn.com/abc".to_owned(),
        "http://mms.twiliocdn.com/abc".to_owned(),
        "https://mms.twiliocdn.com:444/abc".to_owned(),
        "https://mms.twiliocdn.com/AC00000000000000000000000000000002/abc".to_owned(),
        "https://s3-external-1.amazonaws.com/evil/AC00000000000000000000000000000001/abc".to_owned(),
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/abc".to_owned(),
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC00000000000000000000000000000001/../../evil/a"
            .to_owned(),
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC00000000000000000000000000000002/abc".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://127.0.0.1/abc".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://mms.twiliocdn.com/abc".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "data:image/png;base64,AAAA".to_owned(),
        "//mms.twiliocdn.com/abc".to_owned(),
        "nonsense".to_owned(),
        String::new(),
    ];
    for url in evil {
        for hop in [Hop::First, Hop::Redirected] {
            assert_eq!(fetched(&channel, &url, hop), None, "{url}");
        }
    }
}

#[test]
fn another_edge_of_twilio_is_as_good_as_the_usual_one() {
    let channel = channel("base_url = 'https://api.dublin.us1.twilio.com'");
    for host in ["api.twilio.com", "api.dublin.us1.twilio.com"] {
        let url = format!("https://{host}{MEDIUM}");
        assert_eq!(fetched(&channel, &url, Hop::First), Some(true), "{url}");
        assert!(!channel.media_request(&url, Hop::First).unwrap().chosen);
    }
    assert_eq!(fetched(&channel, &format!("https://api.paris.us1.twilio.com{MEDIUM}"), Hop::First), None);
}

#[test]
fn a_local_twilio_may_lead_to_itself_but_to_nobody_else() {
    let channel = channel("base_url = 'http://127.0.0.1:8081'");
    let first = channel.media_request(&format!("http://127.0.0.1:8081{MEDIUM}"), Hop::First).unwrap();
    assert!(first.chosen && first.request.headers().contains_key("authorization"));
    let next = channel.media_request("http://127.0.0.1:8081/sandbox/media/ME1", Hop::Redirected).unwrap();
    assert!(next.chosen && !next.request.headers().contains_key("authorization"));
    let file = channel.media_request("https://mms.twiliocdn.com/abc", Hop::Redirected).unwrap();
    assert!(!file.chosen, "the guard is for whatever the operator did not name");
    for url in
        ["http://127.0.0.1:8082/a", "http://localhost:8081/a", "http://169.254.169.254/a", "https://127.0.0.1:8081/a"]
    {
        assert_eq!(fetched(&channel, url, Hop::Redirected), None, "{url}");
    }
    // The credential of a local Twilio is not for the real one.
    assert_eq!(fetched(&channel, &format!("https://api.twilio.com{MEDIUM}"), Hop::First), None);
}
