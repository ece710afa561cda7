use std::sync::{Arc, PoisonError, RwLock};

use skywarden_detect::Knowledge;

/// What is known to be bad right now. A clone sees the same; detection looks once a batch.
#[derive(Debug, Clone, Default)]
pub struct InForce(Arc<RwLock<Arc<Knowledge>>>);

impl InForce {
    /// What is known.
    pub fn get(&self) -> Arc<Knowledge> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts something else in its place, from the next batch on.
    pub fn put(&self, knowledge: Knowledge) {
        let new = Arc::new(knowledge);
        let old = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), new);
        // Millions of indicators take a while to go, for which nobody should wait.
        drop(old);
    }
}
