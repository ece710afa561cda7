//! From log records to events, from events to alerts. Does no I/O and reads no clock: texts and times are arguments.
//!
//! A [`LogSource`] reads the records of one kind of log and says in OCSF's words what they are; the rules that fit it are compiled
//! with it into one engine. [`Detect::feed`] looks at records; what rules find goes through their detectors (what looks at several
//! events together) into [`Alerts`], and
//! [`correlate`] or, as they come, a [`Correlator`] joins these into incidents.

mod alert;
mod country;
mod detect;
mod detector;
mod entity;
mod event;
mod incident;
mod intelligence;
mod ocsf;
mod read;
mod rule;
mod run_tests;
mod source;
mod take;
mod time;

pub use alert::{Alert, Alerts, Evidence, by_severity};
pub use detect::{BadRecord, Clock, Detect, Input, Run};
pub use entity::Entity;
pub use event::Event;
pub use incident::{AlertFacts, Change, Correlator, CorrelatorState, Incident, Kinds, Moment, Party, correlate, correlate_facts};
pub use intelligence::{Indicator, Intelligence};
pub use ocsf::Class;
pub use read::Unreadable;
pub use rule::{Correlates, PublicRules, Refused, Role, Rule, own_rules};
pub use run_tests::{TestReport, run_tests};
pub use source::LogSource;
