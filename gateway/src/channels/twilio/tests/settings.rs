//! What an operator may write, and what is said when it is wrong.

use secrecy::ExposeSecret;

use crate::channels::AnswerLimits;

use super::*;

#[test]
fn what_is_left_out_has_a_default() {
    let settings = settings("");
    assert_eq!(settings.base_url, "https://api.twilio.com");
    assert_eq!((settings.long_text, settings.max_text_units, settings.validity), (LongText::Split, 1600, None));
    let twilio = Twilio::build(&settings).unwrap();
    let endpoint = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    assert_eq!(twilio.rest.endpoint.to_string(), endpoint);
    let capabilities = Capabilities {
        max_text_units: 1600,
        max_media: 10,
        receipts: true,
        answer: Some(AnswerLimits { text_units: 1599, replies: 10, bytes: 32 * 1024 }),
        schedule: None,
    };
    assert_eq!(twilio.capabilities(), capabilities);
}

#[test]
fn a_key_that_is_misspelt_is_refused() {
    let misspelt: Result<AnyChannel, _> = toml::from_str("kind = 'twilio'\nacount_sid = 'AC'");
    assert!(misspelt.unwrap_err().to_string().contains("acount_sid"));
}

#[test]
fn each_mistake_names_its_key_and_the_remedy() {
    let cases = [
        ("account_sid = ''", "account_sid", "TWILIO_ACCOUNT_SID"),
        ("account_sid = 'AC123'", "account_sid", "`AC` and 32"),
        ("account_sid = 'SK00000000000000000000000000000001'", "account_sid", "`AC` and 32"),
        ("account_sid = 'AC0000000000000000000000000000000g'", "account_sid", "`AC` and 32"),
        ("auth_token = ''", "auth_token", "TWILIO_AUTH_TOKEN"),
        ("auth_token = ''\nauth_tokens = ['old']", "auth_token", "TWILIO_AUTH_TOKEN"),
        ("api_key = 'SK00000000000000000000000000000001'", "api_key_secret", "secret"),
        ("api_key_secret = 'hush'", "api_key", "SK"),
        ("api_key = 'AC00000000000000000000000000000001'\napi_key_secret = 'hush'", "api_key", "`SK` and 32"),
        ("from = ' '", "from", "TWILIO_MESSAGING_SERVICE_SID"),
        ("from = '5558675310'", "from", "E.164"),
        ("from = '+05558675310'", "from", "E.164"),
        ("from = '+1 555 867 5310'", "from", "E.164"),
        ("from = 'A name too long'", "from", "11 letters"),
        ("from = '22'", "from", "E.164"),
        ("messaging_service_sid = 'MG1'", "messaging_service_sid", "TWILIO_MESSAGING_SERVICE_SID"),
        ("base_url = 'api.twilio.com'", "base_url", "https://"),
        ("base_url = 'ftp://api.twilio.com'", "base_url", "https://"),
        ("base_url = 'https://'", "base_url", "https://"),
        ("base_url = 'https://me@api.twilio.com'", "base_url", "user name"),
        ("base_url = 'https://api.twilio.com?x=1'", "base_url", "query"),
        ("max_text_units = 0", "max_text_units", "1 to 1600"),
        ("max_text_units = 1601", "max_text_units", "1 to 1600"),
        ("validity = 0", "validity", "1 to 36000"),
        ("validity = 36001", "validity", "1 to 36000"),
    ];
    for (mistake, key, remedy) in cases {
        let problem = Twilio::build(&settings(mistake)).unwrap_err();
        assert_eq!(problem.0, key, "{mistake}");
        assert!(problem.1.contains(remedy), "{mistake}: {}", problem.1);
    }
}

#[test]
fn what_is_empty_or_padded_is_as_good_as_what_is_not() {
    let twilio = channel(
        r#"
        auth_token = " 12345\n"
        api_key = ""
        api_key_secret = ""
        messaging_service_sid = ""
        base_url = ""
        "#,
    );
    assert_eq!(twilio.tokens.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["12345"]);
    assert_eq!(twilio.sender().map(Address::as_str), Some("+15558675310"));
}

#[test]
fn senders_of_every_kind_are_taken() {
    for from in ["+15005550006", "+529983162438", "22395", "RECADO", "Recado 24", "whatsapp:+14155238886"] {
        let twilio = channel(&format!("from = '{from}'"));
        assert_eq!(twilio.sender().map(Address::as_str), Some(from));
    }
    // Which number a service takes isn't known beforehand.
    assert_eq!(channel(&format!("messaging_service_sid = '{SERVICE}'")).sender(), None);
    assert_eq!(channel(&format!("from = ''\nmessaging_service_sid = '{SERVICE}'")).sender(), None);
}

#[test]
fn secrets_are_not_shown() {
    let settings = settings(&format!("auth_token = 'hush1'\napi_key = '{KEY}'\napi_key_secret = 'hush2'"));
    let shown = format!("{settings:?} {:?}", Twilio::build(&settings).unwrap());
    assert!(!shown.contains("hush") && !shown.contains("Basic"), "{shown}");
}
