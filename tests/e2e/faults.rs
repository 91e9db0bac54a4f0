//! What goes wrong at Twilio: nothing is lost for it, and nothing is sent twice.

use recado_tests::{TestGateway, at_once};
use serde_json::json;

const CALLERS: usize = 4;
const EACH: usize = 15;

#[test]
fn cuts_and_errors_after_accepting_and_reports_in_disorder_double_nothing_and_lose_nothing() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.set_faults(&json!({
        "create_cut_after": { "every": 5 },
        "create_failed_after": { "every": 7 },
        "create_refused": { "every": 6 },
        "callback_duplicated": { "every": 3 },
        "callback_reordered": { "every": 4 },
    }));
    at_once(CALLERS, |caller| {
        for number in 0..EACH {
            let to = format!("+52998556{:04}", caller * 100 + number);
            gateway.post("/v1/messages", &json!({ "to": to, "text": format!("Aviso {number}") })).expect(202);
        }
    });
    let total = CALLERS * EACH;
    let messages = gateway.wait_for_messages("every message delivered", |messages| {
        messages.iter().filter(|message| message["status"] == "delivered").count() == total
    });
    assert_eq!(messages.len(), total);
    let creates = gateway.creates();
    assert_eq!((&creates["accepted"], &creates["doubles"]), (&json!(total), &json!(0)));
    let again = messages.iter().filter(|message| message["parts"][0]["attempts"] != 1).count();
    assert!(again > 0, "what was refused with 429 was tried again");
}
