//! The only holder of cloud credentials: login, signing, retries, rate limits.
//!
//! It sends one signed request and returns one answer; of the operations that logs come by (objects of S3, queues of SQS,
//! subscriptions of Pub/Sub) it knows the form, and of Azure how its two interfaces are asked. It knows no resource, no collector
//! spec and no verdict, and credentials never leave it: not through `Debug`, not through a log line, not through an error.

pub mod azure;
mod client;
mod credentials;
mod error_answer;
pub mod gcp;
mod message;
mod operation;
mod pace;
mod partition;
mod retry;
mod s3;
mod secret;
mod sign;
mod sqs;

pub use client::{AwsClient, AwsHttpRequest, AwsOptions, CallError, ConnectError, HttpResponse};
pub use error_answer::{ErrorAnswer, error_of};
pub use message::clean_message;
pub use operation::OperationError;
pub use pace::RateKey;
pub use partition::{Partition, partition_by_name, partition_of_region};
pub use retry::is_throttle;
pub use s3::{S3Address, S3Listed, S3Listing, S3Page, S3Part, decoded_key, listed_page};
pub use secret::Secret;
pub use sqs::{SqsMessage, SqsQueue};
