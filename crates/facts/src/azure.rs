//! Facts of Azure.

pub(crate) mod access;
