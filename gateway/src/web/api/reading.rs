//! JSON bodies, and where in one something is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value};
use serde_path_to_error::{Error, Segment};

use crate::web::problem::Problem;

/// A JSON body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let read = serde_json::from_slice(body);
    // A list of values is taken for an object's otherwise.
    let is_list = body.trim_ascii_start().first() == Some(&b'[');
    let error = match read {
        Ok(read) if !is_list => return Ok(read),
        Ok(_) => return Err(no_object()),
        Err(error) => error,
    };
    // Only what is wrong is read a second time: that costs more, and says where.
    match serde_json::from_slice::<Value>(body) {
        Err(_) => Err(Problem::unreadable(format!("the body must be a JSON object: {error}"))),
        Ok(_) if is_list => Err(no_object()),
        Ok(value) => Err(match serde_path_to_error::deserialize::<_, T>(&mut Deserializer::from_slice(body)) {
            Err(found) if found.inner().is_data() => wrong(&found),
            // A number in the place of a word is told as if nothing could be read.
            _ => read_value::<T>(&value).err().unwrap_or_else(|| Problem::invalid("", "invalid", error.to_string())),
        }),
    }
}

fn no_object() -> Problem {
    Problem::invalid("", "invalid", "the body must be a JSON object")
}

/// What a value of a body stands for.
pub(super) fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| wrong(&error))
}

fn wrong(error: &Error<serde_json::Error>) -> Problem {
    let said = error.inner().to_string();
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&step(&index.to_string())),
            Segment::Map { key } | Segment::Enum { variant: key } => pointer.push_str(&step(key)),
            Segment::Unknown => {}
        }
    }
    // The path to a field that is not there, or twice, ends with what should have it once.
    let named = ["missing field `", "duplicate field `"].iter().find_map(|start| said.strip_prefix(start));
    if let Some((name, _)) = named.and_then(|rest| rest.split_once('`')) {
        pointer.push_str(&step(name));
    }
    Problem::invalid(&pointer, "invalid", said)
}

/// A step of a JSON pointer, which has two signs of its own.
pub(super) fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::message::{Options, Priority};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Whole {
        to: String,
        #[serde(default)]
        priority: Priority,
        #[serde(default)]
        options: Options,
        #[serde(default)]
        attributes: BTreeMap<String, Option<String>>,
        #[serde(default)]
        parts: Vec<Part>,
        #[serde(default)]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Part {
        to: String,
        variables: Option<BTreeMap<String, Value>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Line {
        line: u32,
        #[serde(flatten)]
        rest: Value,
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let cases = [
            (r#"{"to": 5}"#, "/to"),
            (r#"{"to": null}"#, "/to"),
            ("{}", "/to"),
            (r#"{"to": "a", "typo": 1}"#, "/typo"),
            (r#"{"to": "a", "a/b~c": 1}"#, "/a~1b~0c"),
            (r#"{"to": "a", "to": "b"}"#, "/to"),
            (r#"{"to": "a", "priority": "urgent"}"#, "/priority"),
            (r#"{"to": "a", "priority": 1}"#, "/priority"),
            (r#"{"to": "a", "options": {"validity": -1}}"#, "/options/validity"),
            (r#"{"to": "a", "options": {"content": {"variables": {}}}}"#, "/options/content/sid"),
            (r#"{"to": "a", "options": {"persistent_action": ["a", 2]}}"#, "/options/persistent_action/1"),
            (r#"{"to": "a", "attributes": {"a/b": 5}}"#, "/attributes/a~1b"),
            (r#"{"to": "a", "parts": {}}"#, "/parts"),
            (r#"{"to": "a", "parts": [{"to": "b"}, {"to": 7}]}"#, "/parts/1/to"),
            (r#"{"to": "a", "parts": [{"to": "b"}, {}]}"#, "/parts/1/to"),
            (r#"{"to": "a", "parts": [{"to": "b", "at": 1}]}"#, "/parts/0/at"),
            (r#"{"to": "a", "parts": [{"to": "b", "variables": []}]}"#, "/parts/0/variables"),
            // Those of which something is flattened.
            (r#"{"to": "a", "lines": [{"line": 1, "a": 2}, {"line": "x"}]}"#, "/lines/1/line"),
            (r#"{"to": "a", "lines": [{"a": 2}]}"#, "/lines/0/line"),
            (r#"["a"]"#, ""),
            (" [5]", ""),
            (r#""a""#, ""),
        ];
        for (body, pointer) in cases {
            let problem = json!(read::<Whole>(body.as_bytes()).unwrap_err());
            assert_eq!(problem["status"], 422, "{body}: {problem}");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
            assert_eq!(problem["errors"][0]["code"], "invalid", "{body}: {problem}");
        }
        for body in ["", "{", "[", r#"{"to": 5"#, r#"{"to": "a"} x"#] {
            assert_eq!(json!(read::<Whole>(body.as_bytes()).unwrap_err())["status"], 400, "{body}");
        }
        assert_eq!(read::<Whole>(br#"{"to": "a", "lines": [{"line": 1, "b": {}}]}"#).unwrap().to, "a");
    }

    #[test]
    fn a_body_as_deep_as_one_may_be_is_read() {
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        let body = format!(r#"{{"to": "a", "parts": [{{"to": 1, "variables": {{"v": {deep}}}}}]}}"#);
        assert_eq!(json!(read::<Whole>(body.as_bytes()).unwrap_err())["errors"][0]["pointer"], "/parts/0/to");
        let body = body.replace(r#""to": 1"#, r#""to": "1""#);
        assert!(read::<Whole>(body.as_bytes()).is_ok());
    }

    #[test]
    fn so_is_it_in_a_value() {
        let value = json!({ "to": "a", "parts": [{ "to": 7 }] });
        assert_eq!(json!(read_value::<Whole>(&value).unwrap_err())["errors"][0]["pointer"], "/parts/0/to");
    }
}
