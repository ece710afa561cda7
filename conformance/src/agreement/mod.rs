//! Whether our recommendations for Azure say what Azure's built-in policies of the same substance say, on the same resources.

mod differences;
mod judge;
mod make;
mod ours;
mod places;
mod shrink;

pub use differences::{Explained, table};
pub use judge::{Case, Comparison, NotComparable, Said, Side};
pub use make::{Field, Strangeness, fields, made};
pub use ours::{Ours, load};
pub use places::{Child, children};
pub use shrink::shrunk;

/// What `given` is for a resource as ARM has it, of a type: id, name and the rest.
pub(crate) fn placed(type_name: &str) -> serde_json::Value {
    let name = "fernhollow";
    let mut kinds = type_name.split('/');
    let namespace = kinds.next().unwrap_or_default();
    let below: String = kinds.map(|kind| format!("/{kind}/{name}")).collect();
    let (subscription, group) = (crate::generate::SUBSCRIPTION, crate::generate::GROUP);
    let id = if type_name.eq_ignore_ascii_case("Microsoft.Resources/subscriptions") {
        format!("/subscriptions/{subscription}")
    } else {
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}{below}")
    };
    serde_json::json!({ "id": id, "name": name, "type": type_name, "location": "westeurope", "properties": {} })
}
