//! Counting segments before anything is sent.

use recado_tests::TestGateway;
use serde_json::{Value, json};

use super::command_line::segments_cases;

#[test]
fn the_api_counts_as_twilios_calculator_does() {
    let gateway = TestGateway::builder().no_plugins().start();
    for case in segments_cases() {
        let counted = gateway.post("/v1/segments", &json!({ "text": case["text"] })).expect(200);
        for key in ["text", "encoding", "segments", "units", "units_per_segment", "remaining", "characters", "non_gsm"]
        {
            assert_eq!(counted[key], case[key], "{key} of {:?}", case["text"]);
        }
    }
    let smart = json!({ "text": "“Hola” – él", "smart_encoded": true });
    let counted = gateway.post("/v1/segments", &smart).expect(200);
    assert_eq!((&counted["text"], &counted["encoding"]), (&json!("\"Hola\" - él"), &json!("GSM-7")));
    assert_eq!(gateway.post("/v1/segments", &json!({ "text": 7 })).expect(422)["status"], 422);
    gateway.post("/v1/segments", &json!({ "texto": "" })).expect(422);
    gateway.post("/v1/segments", &Value::Null).expect(422);
    assert_eq!(gateway.messages(), Vec::<Value>::new(), "nothing is sent");
}
