//! What of Azure's documents is read, how resources are judged by them, what becomes of requests.

mod assignments;
mod changes;
mod common;
mod definitions;
mod door;
mod estates;
mod governance;
mod initiatives;
mod judging;
mod library;
mod panels;
mod requests;
mod restrictions;
