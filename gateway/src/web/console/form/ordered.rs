//! A schema with the order of its properties, which a value of JSON forgets.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Beside `properties`: their names, in their order.
pub(super) const ORDER: &str = "x-recado-order";

/// A schema as it is written; nothing where it can't be read.
pub(in crate::web::console) fn ordered(text: &str) -> Value {
    serde_json::from_str::<Ordered>(text).map(|ordered| ordered.value).unwrap_or_default()
}

struct Ordered {
    value: Value,
    keys: Vec<String>,
}

impl From<Value> for Ordered {
    fn from(value: Value) -> Self {
        Self { value, keys: Vec::new() }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Value::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element::<Ordered>()? {
            found.push(item.value);
        }
        Ok(Value::Array(found).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Ordered, A::Error> {
        let (mut found, mut keys) = (Map::new(), Vec::new());
        while let Some((key, Ordered { value, keys: below })) = fields.next_entry::<String, Ordered>()? {
            if key == "properties" {
                found.insert(ORDER.to_owned(), Value::from(below));
            }
            found.insert(key.clone(), value);
            keys.push(key);
        }
        Ok(Ordered { value: Value::Object(found), keys })
    }
}
