//! Facts about resources of Azure.

pub(crate) mod exposure;
