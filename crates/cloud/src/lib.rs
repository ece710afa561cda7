//! The only holder of cloud credentials: login, signing, retries, rate limits.
//!
//! It sends one signed request and returns one answer. It knows no resource, no collector spec and no verdict, and credentials
//! never leave it: not through `Debug`, not through a log line, not through an error.

mod client;
mod credentials;
mod error_answer;
mod message;
mod pace;
mod partition;
mod retry;
mod sign;

pub use client::{AwsClient, AwsHttpRequest, AwsHttpResponse, AwsOptions, CallError, ConnectError};
pub use error_answer::{ErrorAnswer, error_of};
pub use message::clean_message;
pub use pace::RateKey;
pub use partition::{Partition, partition_by_name, partition_of_region};
pub use retry::is_throttle;
