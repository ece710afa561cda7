use std::{cell::OnceCell, ops::Deref, sync::Arc};

use skywarden_model::{Resource, ResourceId, TypeName};
use typed_arena::Arena;

use crate::Packs;

/// The resources of a run, open or packed.
#[derive(Debug)]
pub enum Resources {
    /// As they are.
    Open(Vec<Resource>),
    /// To be opened one at a time.
    Packed(Packs),
}

/// The resources of a run, by their places: open ones as they are, packed ones opened as they are asked for.
#[derive(Clone, Copy)]
pub struct Inventory<'r> {
    resources: Borrowed<'r>,
    held: &'r Held,
}

#[derive(Clone, Copy)]
enum Borrowed<'r> {
    Open(&'r [Resource]),
    Packed(&'r Packs),
}

/// Where opened resources stay as long as the inventory is looked at: those to which many others lead.
#[derive(Default)]
pub struct Held {
    /// By place, as many as are packed.
    cells: Box<[OnceCell<Box<Resource>>]>,
}

/// Where opened resources stay while one is judged.
#[derive(Default)]
pub struct Passing(Arena<Resource>);

/// A resource while it is looked at.
pub enum Opened<'r> {
    /// It was open.
    There(&'r Resource),
    /// It was packed.
    Unpacked(Box<Resource>),
}

impl From<Vec<Resource>> for Resources {
    fn from(resources: Vec<Resource>) -> Self {
        Self::Open(resources)
    }
}

impl From<Packs> for Resources {
    fn from(packs: Packs) -> Self {
        Self::Packed(packs)
    }
}

impl Resources {
    /// Brings them in the order of their ids and drops all but the first of those with the same.
    pub fn sort(&mut self) {
        match self {
            Self::Open(resources) => {
                resources.sort_by(|left, right| left.id.cmp(&right.id));
                resources.dedup_by(|left, right| left.id == right.id);
            }
            Self::Packed(packs) => {
                packs.sort();
                packs.keep_one_of_each_id();
            }
        }
    }

    /// Makes something of the head of each, or nothing: see [`Packs::into_heads`].
    pub fn into_heads<T>(self, make: impl FnMut(Resource) -> Option<T>) -> Vec<T> {
        match self {
            Self::Open(resources) => resources.into_iter().filter_map(make).collect(),
            Self::Packed(packs) => packs.into_heads(make),
        }
    }

    /// Room for what is held of them.
    pub fn held(&self) -> Held {
        match self {
            Self::Open(_) => Held::default(),
            Self::Packed(packs) => Held::of(packs),
        }
    }

    /// A look at them; `held` is made by [`Resources::held`].
    pub fn inventory<'r>(&'r self, held: &'r Held) -> Inventory<'r> {
        match self {
            Self::Open(resources) => Inventory::of_open(resources, held),
            Self::Packed(packs) => Inventory::of_packed(packs, held),
        }
    }
}

impl Held {
    /// Room for what is held of some packs.
    pub fn of(packs: &Packs) -> Self {
        Self { cells: (0..packs.len()).map(|_| OnceCell::new()).collect() }
    }
}

impl Passing {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Deref for Opened<'_> {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        match self {
            Self::There(resource) => resource,
            Self::Unpacked(resource) => resource,
        }
    }
}

impl<'r> Inventory<'r> {
    /// Open resources; `held` stays empty.
    pub fn of_open(resources: &'r [Resource], held: &'r Held) -> Self {
        Self { resources: Borrowed::Open(resources), held }
    }

    /// Packed ones, with room made by [`Held::of`].
    pub fn of_packed(packs: &'r Packs, held: &'r Held) -> Self {
        Self { resources: Borrowed::Packed(packs), held }
    }

    /// How many there are; places begin at 0.
    pub fn len(self) -> usize {
        match self.resources {
            Borrowed::Open(resources) => resources.len(),
            Borrowed::Packed(packs) => packs.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The id of the one at a place.
    pub fn id(self, place: usize) -> Option<&'r ResourceId> {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place).map(|resource| &resource.id),
            Borrowed::Packed(packs) => packs.id(place),
        }
    }

    /// The type of the one at a place.
    pub fn type_name(self, place: usize) -> Option<&'r TypeName> {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place).map(|resource| &resource.type_name),
            Borrowed::Packed(packs) => packs.type_name(place),
        }
    }

    /// The account of the one at a place.
    pub fn account(self, place: usize) -> Option<&'r Arc<str>> {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place).map(|resource| &resource.scope.account),
            Borrowed::Packed(packs) => packs.account(place),
        }
    }

    /// All places with the types of those that stand there.
    pub fn places(self) -> impl Iterator<Item = (usize, &'r str)> {
        (0..self.len()).filter_map(move |place| Some((place, self.type_name(place)?.as_str())))
    }

    /// Opens the one at a place for as long as the caller looks at it.
    pub fn open(self, place: usize) -> Option<Opened<'r>> {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place).map(Opened::There),
            Borrowed::Packed(packs) => packs.open(place).map(|resource| Opened::Unpacked(Box::new(resource))),
        }
    }

    /// Opens the one at a place for as long as one is judged.
    pub fn open_in<'p>(self, place: usize, passing: &'p Passing) -> Option<&'p Resource>
    where
        'r: 'p,
    {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place),
            Borrowed::Packed(packs) => packs.open(place).map(|resource| &*passing.0.alloc(resource)),
        }
    }

    /// Opens the one at a place and leaves it open as long as the inventory is looked at.
    pub fn hold(self, place: usize) -> Option<&'r Resource> {
        match self.resources {
            Borrowed::Open(resources) => resources.get(place),
            Borrowed::Packed(packs) => {
                let cell = self.held.cells.get(place)?;
                if let Some(open) = cell.get() {
                    return Some(open);
                }
                let open = packs.open(place)?;
                Some(cell.get_or_init(|| Box::new(open)))
            }
        }
    }

    /// Opens all of a type, one after the other, in order of their places.
    pub fn open_all(self, type_name: &str) -> impl Iterator<Item = Opened<'r>> {
        self.places().filter(move |(_, own)| *own == type_name).filter_map(move |(place, _)| self.open(place))
    }

    /// Holds all of a type, in order of their places.
    pub fn hold_all(self, type_name: &str) -> impl Iterator<Item = &'r Resource> {
        self.places().filter(move |(_, own)| *own == type_name).filter_map(move |(place, _)| self.hold(place))
    }
}

#[cfg(test)]
mod tests {
    use skywarden_model::{Carried, Scope};

    use super::*;

    fn resources() -> Vec<Resource> {
        let named = |name: &str, type_name: &str| Resource {
            id: name.into(),
            type_name: type_name.into(),
            scope: Scope { connector: "c".into(), account: "a".into(), resource_group: "g".into() },
            carried: Carried::All,
            ..Resource::unknown()
        };
        vec![named("one", "T"), named("two", "U"), named("three", "T")]
    }

    #[test]
    fn packed_and_open_ones_look_alike() {
        let open = resources();
        let packs: Packs = resources().into_iter().collect();
        let (none, held, passing) = (Held::default(), Held::of(&packs), Passing::new());
        for inventory in [Inventory::of_open(&open, &none), Inventory::of_packed(&packs, &held)] {
            assert_eq!(inventory.len(), 3);
            let names: Vec<&str> = inventory.hold_all("T").map(|own| own.id.as_str()).collect();
            assert_eq!(names, ["one", "three"]);
            assert_eq!(inventory.open(1).as_deref(), open.get(1));
            assert_eq!(inventory.open_in(2, &passing), open.get(2));
            let twice = [inventory.hold(0).unwrap(), inventory.hold(0).unwrap()];
            assert!(std::ptr::eq(twice[0], twice[1]), "it is opened once");
            assert!(inventory.open(3).is_none() && inventory.hold(3).is_none());
        }
    }
}
