//! The web console as embedded files.
