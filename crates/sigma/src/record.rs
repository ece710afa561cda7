use crate::Value;

/// The place of a field in a [`Record`]; given out by a [`Projection`](crate::Projection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The fields of one event that somebody asked for, by their slots.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    values: Vec<Value<'a>>,
    /// For each slot, how far down its list of places what it holds was found; what lies higher up replaces it.
    ranks: Vec<u8>,
}

static ABSENT: Value<'static> = Value::Absent;

impl<'a> Record<'a> {
    /// A record of so many slots, all absent.
    pub fn new(n_slots: usize) -> Self {
        Record { values: std::iter::repeat_with(Value::default).take(n_slots).collect(), ranks: vec![u8::MAX; n_slots] }
    }

    /// What a slot holds.
    pub fn get(&self, slot: Slot) -> &Value<'a> {
        self.values.get(slot.index()).unwrap_or(&ABSENT)
    }

    /// Gives a slot its value, whatever it held.
    pub fn set(&mut self, slot: Slot, value: Value<'a>) {
        if let Some(held) = self.values.get_mut(slot.index()) {
            *held = value;
        }
    }

    /// Adds a value found at the `rank`-th of the slot's places: it replaces what was found further down, joins what was found at
    /// the same, and gives way to what was found higher up.
    pub(crate) fn found(&mut self, slot: Slot, rank: u8, value: Value<'a>) {
        let (Some(held), Some(at)) = (self.values.get_mut(slot.index()), self.ranks.get_mut(slot.index())) else { return };
        match rank.cmp(at) {
            std::cmp::Ordering::Less => {
                *held = value;
                *at = rank;
            }
            std::cmp::Ordering::Equal => held.push(value),
            std::cmp::Ordering::Greater => {}
        }
    }
}
