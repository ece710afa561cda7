//! What clients write: the operations of every kind of object, from its description.

use super::Route;
use crate::arm::objects::KINDS;

pub(super) fn table() -> Vec<Route> {
    let mut routes = Vec::new();
    for kind in KINDS {
        for (place, operations) in kind.places {
            for operation in *operations {
                let action = format!("{}/{}", kind.type_name(), operation.verb());
                routes.push(Route { method: operation.method(), path: kind.path(*place, *operation), action });
            }
        }
    }
    routes
}
