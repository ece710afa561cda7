use serde_json::json;

use super::{ONE, World, known};

/// 10,000 assignments to 1,000 principals, half of them through groups.
pub(super) fn estate() -> World {
    let mut world = World::new();
    let ids: Vec<String> = (0..1_000).map(|n| format!("user-{n}")).collect();
    for id in &ids {
        world.user(id);
    }
    for n in 0..100 {
        let members: Vec<&str> = (0..20).map(|member| ids[(n * 7 + member * 13) % 1_000].as_str()).collect();
        world.group(&format!("group-{n}"), &members);
    }
    let roles = ["reader", "contributor", "operator", "blobs"];
    for n in 0..10_000 {
        let who = if n % 2 == 0 { ids[n % 1_000].clone() } else { format!("group-{}", n % 100) };
        let place = format!("{ONE}/resourceGroups/app{}/providers/Microsoft.Storage/storageAccounts/s{n}", n % 300);
        world.assign(&who, roles[n % 4], &place);
    }
    world.assign("user-7", "owner", ONE);
    world
}

#[test]
fn ten_thousand_assignments_are_few() {
    let facts = estate().facts();
    assert_eq!(facts.len(), 1_002);
    assert_eq!(known(&facts[ONE], "owners"), json!(["user-7@example.org"]));
}
