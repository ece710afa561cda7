//! Benchmarks and synthetic estates.
