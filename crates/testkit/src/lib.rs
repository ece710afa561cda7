//! Fake clouds, recorded answers, clocks and the golden runner for tests.
