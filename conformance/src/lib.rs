//! What holds the Azure Policy engine against `regorus` and the Sigma engine against `sigma-rust`, the second implementations.
//!
//! It holds recommendations against built-in policies of the same substance, too, both with our own engine.
//!
//! A workspace of its own: what it depends on is in no other build.

pub mod agreement;
pub mod aliases;
pub mod causes;
pub mod corpus;
pub mod generate;
pub mod leaves;
pub mod mentions;
pub mod pair;
pub mod processor;
pub mod random;
pub mod sigma;
pub mod theirs;
