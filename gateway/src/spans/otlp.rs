//! Spans as OTLP/HTTP has them, in JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Ended, Place, Span};

/// OTLP's number for a span that is about something inside, and for one that failed.
const INTERNAL: u8 = 1;
const ERROR: u8 = 2;

pub(super) fn body(spans: &[Ended]) -> Value {
    let spans: Vec<Value> = spans.iter().map(one).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            attribute("service.name", "recado"),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
        ] },
        "scopeSpans": [{ "scope": { "name": "recado", "version": env!("CARGO_PKG_VERSION") }, "spans": spans }],
    }] })
}

fn one(ended: &Ended) -> Value {
    let Ended { span, at } = ended;
    let end = at.as_nanosecond();
    let begin = end - i128::try_from(span.took.as_nanos()).unwrap_or(0);
    let attributes: Vec<Value> = span.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let mut told = json!({
        "traceId": span.trace.simple().to_string(),
        "spanId": hex::encode(id(span, begin)),
        "name": span.name,
        "kind": INTERNAL,
        // As text: they are longer than the numbers of JSON.
        "startTimeUnixNano": begin.to_string(),
        "endTimeUnixNano": end.to_string(),
        "attributes": attributes,
    });
    if span.place == Place::After {
        told["parentSpanId"] = hex::encode(first_id(span.trace)).into();
    }
    if span.failed {
        told["status"] = json!({ "code": ERROR });
    }
    told
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

/// The first span of a trace has an id that everybody can tell, so that what follows can name it as its parent.
fn id(span: &Span, begin: i128) -> [u8; 8] {
    match span.place {
        Place::First => first_id(span.trace),
        Place::After => {
            let mut hash = Sha256::new();
            hash.update(span.trace.as_bytes());
            hash.update(span.name);
            hash.update(begin.to_be_bytes());
            for (name, value) in &span.attributes {
                hash.update(name);
                hash.update(value);
            }
            eight(&hash.finalize())
        }
    }
}

/// The half of a message's id that is random.
fn first_id(trace: Uuid) -> [u8; 8] {
    eight(trace.as_bytes().get(8..).unwrap_or_default())
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ended(place: Place, part: &str) -> Ended {
        let span = Span {
            trace: Uuid::from_u128(0x0192_f3a4_5b6c_7d8e_9f00_1122_3344_5566),
            place,
            name: "send",
            took: Duration::from_millis(1500),
            attributes: vec![("recado.part.id", part.to_owned())],
            failed: place == Place::After,
        };
        Ended { span, at: "2026-11-28T08:00:02Z".parse().unwrap() }
    }

    #[test]
    fn spans_are_as_the_specification_has_them() {
        let body = body(&[ended(Place::First, "p"), ended(Place::After, "p"), ended(Place::After, "q")]);
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "recado");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        let first = &spans[0];
        assert_eq!(first["traceId"], "0192f3a45b6c7d8e9f00112233445566");
        assert_eq!((&first["spanId"], &first["parentSpanId"]), (&json!("9f00112233445566"), &Value::Null));
        assert_eq!(first["startTimeUnixNano"], "1795852800500000000");
        assert_eq!(first["endTimeUnixNano"], "1795852802000000000");
        assert_eq!(first["attributes"], json!([{ "key": "recado.part.id", "value": { "stringValue": "p" } }]));
        assert_eq!(first["status"], Value::Null);
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]["code"]), (&first["spanId"], &json!(2)));
        assert_eq!(spans[1]["spanId"].as_str().map(str::len), Some(16));
        assert!(spans[1]["spanId"] != spans[2]["spanId"] && spans[1]["spanId"] != first["spanId"]);
    }
}
