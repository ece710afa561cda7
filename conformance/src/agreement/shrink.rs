use serde_json::Value;

/// The smallest document of which the same can still be said: what can be left out is.
pub fn shrunk(document: &Value, mut is_so: impl FnMut(&Value) -> bool) -> Value {
    let mut smallest = document.clone();
    loop {
        let mut places = Vec::new();
        collect(&smallest, String::new(), &mut places);
        let smaller = places.into_iter().find_map(|place| {
            let without = without(&smallest, &place)?;
            is_so(&without).then_some(without)
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// Every place below `properties` and ARM's own members but those that make it a resource.
fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let below = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                if !["/id", "/type", "/name", "/location", "/properties"].contains(&below.as_str()) {
                    places.push(below.clone());
                }
                collect(value, below, places);
            }
        }
        Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                let below = format!("{place}/{number}");
                places.push(below.clone());
                collect(value, below, places);
            }
        }
        _ => {}
    }
}

fn without(document: &Value, place: &str) -> Option<Value> {
    let (above, last) = place.rsplit_once('/')?;
    let mut changed = document.clone();
    match changed.pointer_mut(above)? {
        Value::Object(members) => members.remove(&last.replace("~1", "/").replace("~0", "~")).map(drop)?,
        Value::Array(elements) => {
            let number: usize = last.parse().ok()?;
            if number >= elements.len() {
                return None;
            }
            elements.remove(number);
        }
        _ => return None,
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let document = json!({ "id": "/x", "properties": { "a": 1, "b": [{ "c": 2 }, { "d/e": 3 }] } });
        let small =
            shrunk(&document, |value| value.pointer("/properties/b/0/d~1e").or(value.pointer("/properties/b/1/d~1e")).is_some());
        assert_eq!(small, json!({ "id": "/x", "properties": { "b": [{ "d/e": 3 }] } }));
    }
}
