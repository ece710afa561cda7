//! Facts of Azure.

pub(crate) mod access;
pub(crate) mod exposure;
