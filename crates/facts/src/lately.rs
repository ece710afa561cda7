use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// So many of a kind are kept.
const MAX: usize = 1_000;

/// What was made last, by the place of what it was made of: what lies side by side asks for the same, and all of it would take more memory
/// than the resources.
pub(crate) struct Lately<T>(RefCell<BTreeMap<usize, Rc<T>>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Lately<T> {
    /// What stands for a place, made if it is not there; `None` if it can't be made.
    pub(crate) fn of(&self, place: usize, make: impl FnOnce() -> Option<T>) -> Option<Rc<T>> {
        if let Some(known) = self.0.borrow().get(&place) {
            return Some(Rc::clone(known));
        }
        let own = Rc::new(make()?);
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX {
            kept.clear();
        }
        kept.insert(place, Rc::clone(&own));
        Some(own)
    }
}
