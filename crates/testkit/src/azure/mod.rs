//! A server that speaks Azure's wire protocol on this machine: Entra's logins, Resource Manager, Resource Graph and Microsoft Graph,
//! over an estate that is data (`testkit/azure/*.json`).
//!
//! It reads nothing but its estate and answers nothing but loopback. Types, their children and what may be read by whom come from the
//! estate; the code knows only how Azure asks and answers. Clients write nothing: PUT, PATCH and DELETE are refused. Tests change the
//! estate ([`Server::put`], [`Server::delete`]), of which the table `resourcechanges` then tells. What it leaves out of Azure is said where it would be: conditions of role assignments and data actions are not looked at.

mod activity;
mod answer;
mod arm;
mod authorization;
mod certificate;
mod copies;
mod directory;
mod edit;
mod estate;
mod faults;
mod filter;
mod graph;
mod kql;
mod login;
mod management;
mod paging;
mod request;
mod resource_graph;
mod rights;
mod server;
mod template;
mod throttle;
mod token;

pub use answer::Answer;
pub use estate::{Estate, EstateError, Program, folder};
pub use faults::Matching;
pub use request::Call;
pub use server::{Control, Protection, Server, ServerOptions, Time};
pub use throttle::{Bucket, Quota};
