//! From log records to events, from events to alerts. Does no I/O and reads no clock: texts and times are arguments.
//!
//! A [`LogSource`] reads the records of one kind of log and says in OCSF's words what they are; the rules that fit it are compiled
//! with it into one engine. [`Detect::feed`] looks at records; what rules find goes through their detectors (what looks at several
//! events together) into [`Alerts`], and
//! [`correlate`] or, as they come, a [`Correlator`] joins these into incidents.

mod adopted;
mod alert;
mod change;
mod country;
pub mod defender;
mod detect;
mod detector;
mod entity;
mod event;
mod fields;
mod incident;
pub mod indicators;
mod intelligence;
mod memory;
mod ocsf;
mod read;
mod row;
mod rule;
mod run;
mod run_tests;
mod samples;
mod source;
mod take;
mod time;

pub use adopted::{AdoptedAlert, adopted_alert};
pub use alert::{Alert, Alerts, Evidence, by_severity};
pub use detect::{BadRecord, Clock, Detect, Input, InputState, Kept, Sink};
pub use entity::Entity;
pub use event::Event;
pub use incident::{AlertFacts, Change, Correlator, CorrelatorState, Incident, Kinds, Moment, Party, correlate, correlate_facts};
pub use intelligence::{Added, Entry, Indicator, Intelligence, Knowledge};
pub use memory::{Place, Recall, Remembered};
pub use ocsf::Class;
pub use read::Unreadable;
pub use row::{COLUMNS, CONTEXT, N_COLUMNS, Row};
pub use rule::{Correlates, PublicRules, Refused, Role, Rule, own_rules};
pub use run::Run;
pub use run_tests::{TestReport, run_tests};
pub use samples::samples;
pub use source::LogSource;
