//! Which fields of a log source's records are read, and which are made of others.

use rustc_hash::FxHashMap;
use skywarden_content::{LogSourceFile, SigmaView, Take};
use skywarden_sigma::{Projection, Slot};

use crate::take::Source;

/// A field that is made of others once the record is read.
#[derive(Debug)]
pub(crate) enum Late {
    /// Of the event in OCSF's words.
    Ocsf { slot: Slot, name: String },
    /// The name of the event's class.
    Class { slot: Slot },
    /// Sigma's field as a view says it.
    Made { slot: Slot, source: Source },
}

/// Gives out slots for fields of one log source.
pub(crate) struct Fields<'f> {
    file: &'f LogSourceFile,
    pub(crate) projection: Projection,
    known: FxHashMap<Vec<String>, Slot>,
    pub(crate) late: Vec<Late>,
    late_known: FxHashMap<String, Slot>,
}

impl<'f> Fields<'f> {
    pub(crate) fn new(file: &'f LogSourceFile) -> Self {
        Fields {
            file,
            projection: Projection::default(),
            known: FxHashMap::default(),
            late: Vec::new(),
            late_known: FxHashMap::default(),
        }
    }

    /// The slot of the first of these fields that is there.
    pub(crate) fn first_of(&mut self, names: &[String]) -> Slot {
        if let Some(slot) = self.known.get(names) {
            return *slot;
        }
        let slot = self.projection.slot();
        let mut rank = 0;
        for name in names {
            for place in self.places(name) {
                self.projection.take(slot, rank, &place);
                rank = rank.saturating_add(1);
            }
        }
        self.known.insert(names.to_vec(), slot);
        slot
    }

    /// Gives a slot to all that a value is made of.
    pub(crate) fn source(&mut self, take: &Take) -> Source {
        Source::new(take, &mut |names| self.first_of(names))
    }

    /// Where a field may lie: under its own name, where `names` says, and in what is lifted.
    fn places(&self, name: &str) -> Vec<String> {
        let read = &self.file.read;
        let mut places = vec![name.to_owned()];
        places.extend(read.names.get(name).into_iter().flat_map(|names| names.all().iter().cloned()));
        // `names: { user: [properties.user] }` serves `user.name` too.
        for (place, _) in name.match_indices('.') {
            let (head, tail) = name.split_at(place);
            let heads = read.names.get(head).into_iter().flat_map(|names| names.all().iter());
            places.extend(heads.map(|head| format!("{head}{tail}")));
        }
        places.extend(read.lift.iter().chain(&read.unwrap).map(|prefix| format!("{prefix}.{name}")));
        places
    }

    pub(crate) fn ocsf(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.late_known.get(name) {
            return *slot;
        }
        let slot = self.projection.slot();
        self.late_known.insert(name.to_owned(), slot);
        self.late.push(match name {
            "class" => Late::Class { slot },
            _ => Late::Ocsf { slot, name: name.to_owned() },
        });
        slot
    }

    /// The slot of what Sigma calls a field, in one of its log sources.
    pub(crate) fn sigma(&mut self, view: &SigmaView, number: usize, name: Option<&str>) -> Slot {
        let Some(name) = name else { return self.projection.everything() };
        if let Some(name) = name.strip_prefix("ocsf.") {
            return self.ocsf(name);
        }
        match view.fields.get(name) {
            None => self.first_of(&[name.to_owned()]),
            Some(Take::Field(field)) if !field.contains('{') => self.first_of(std::slice::from_ref(field)),
            Some(take) => {
                let key = format!("{number} {name}");
                if let Some(slot) = self.late_known.get(&key) {
                    return *slot;
                }
                let source = self.source(take);
                if let Source::Field(slot) = source {
                    return slot;
                }
                let slot = self.projection.slot();
                self.late_known.insert(key, slot);
                self.late.push(Late::Made { slot, source });
                slot
            }
        }
    }
}

impl Late {
    pub(crate) fn ocsf_name(&self) -> Option<&str> {
        match self {
            Late::Ocsf { name, .. } => Some(name),
            Late::Class { .. } | Late::Made { .. } => None,
        }
    }

    pub(crate) fn slot(&self) -> Slot {
        match self {
            Late::Ocsf { slot, .. } | Late::Class { slot } | Late::Made { slot, .. } => *slot,
        }
    }
}
