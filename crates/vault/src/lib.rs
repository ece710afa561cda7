//! Secrets at rest: each is sealed under a data key, and the data keys under a master key that the store never holds.

mod key;

pub use key::{SecretKey, VaultError, sealed_under};
