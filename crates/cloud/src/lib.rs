//! The only holder of cloud credentials: login, signing, retries, rate limits.
