//! Which resources a run's listings speak about.

use std::collections::BTreeSet;

use skywarden_model::{Coverage, Resource, Snapshot};

/// Resources of earlier runs that a snapshot does not hold although nothing says that they are gone: their listing failed or was
/// not tried. They stay; [`crate::unlisted`] judges them.
pub fn not_listed(previous: &[Resource], snapshot: &Snapshot) -> Vec<Resource> {
    not_among(previous, snapshot.resources.iter().map(|resource| resource.id.as_str()), &snapshot.coverage)
}

/// The same, of a run of which the ids are given.
pub(crate) fn not_among<'s>(previous: &[Resource], seen: impl Iterator<Item = &'s str>, coverage: &[Coverage]) -> Vec<Resource> {
    if previous.is_empty() {
        return Vec::new();
    }
    let seen: BTreeSet<&str> = seen.collect();
    let was_listed =
        |resource: &Resource| of_type(coverage, resource).any(|entry| entry.is_complete() && is_of_region(entry, resource));
    previous.iter().filter(|resource| !seen.contains(resource.id.as_str()) && !was_listed(resource)).cloned().collect()
}

/// The listings of a resource's type in its account.
pub(crate) fn of_type<'a>(coverage: &'a [Coverage], resource: &Resource) -> impl Iterator<Item = &'a Coverage> {
    coverage.iter().filter(|entry| entry.type_name == resource.type_name && entry.account == resource.scope.account)
}

/// Whether a listing is that of the resource's region; one of a global service speaks about every region.
pub(crate) fn is_of_region(entry: &Coverage, resource: &Resource) -> bool {
    entry.region.as_ref() == "global"
        || entry.region == resource.scope.resource_group
        || resource.location.as_deref() == Some(entry.region.as_ref())
}
