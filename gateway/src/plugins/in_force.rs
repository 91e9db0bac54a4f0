//! The chain that is in force. Another takes its place at once; whoever asks the old one finishes
//! with it.

use std::sync::{Arc, PoisonError, RwLock};

use super::Chain;

/// The chain that messages are decided by. Cheap to clone; all clones see the same chain.
#[derive(Clone, Default)]
pub struct InForce(Arc<RwLock<Arc<Chain>>>);

impl InForce {
    pub fn new(chain: Chain) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(chain))))
    }

    /// To be asked once for each message, so that one version decides all of it.
    pub fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another chain in its place.
    pub fn replace(&self, chain: Chain) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_an_old_chain_finishes_with_it() {
        let in_force = InForce::default();
        let old = in_force.chain();
        in_force.clone().replace(Chain::new(Vec::new()));
        assert!(!Arc::ptr_eq(&old, &in_force.chain()));
    }
}
