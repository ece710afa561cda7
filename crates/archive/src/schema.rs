use std::sync::Arc;

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr},
    schema::types::{Type, TypePtr},
};

use crate::ArchiveError;

/// The columns that every file has before those of the layout, the first three of which are numbers.
pub(crate) const FIRST: [&str; 5] = ["seq", "time", "received", "event_id", "class"];

/// The last column.
pub(crate) const RAW: &str = "raw";

/// One event as it is kept.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its number in the order of arrival, over all log sources.
    pub seq: i64,
    /// When it happened, in milliseconds since 1970.
    pub time: i64,
    /// When it arrived, in milliseconds since 1970.
    pub received: i64,
    /// The log source.
    pub source: &'a str,
    /// What tells it from all others.
    pub event_id: &'a str,
    /// What kind of event it is, in OCSF's words.
    pub class: &'a str,
    /// The texts of the layout's columns, in their order.
    pub columns: &'a [Option<&'a str>],
    /// The record as it was read.
    pub raw: &'a str,
}

/// Which columns files have.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) names: Arc<[String]>,
    pub(crate) schema: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
}

impl Layout {
    /// The names of the text columns that it has besides those of every file, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Files with these text columns, besides `seq`, `time`, `received`, `event_id`, `class` and `raw`.
    ///
    /// # Errors
    /// If a name stands twice or is none that Parquet takes.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, ArchiveError> {
        let names: Arc<[String]> = names.into_iter().map(str::to_owned).collect();
        let mut fields = Vec::new();
        for name in FIRST {
            fields.push(match name {
                "seq" => number(name, None)?,
                // Adjusted to UTC.
                "time" | "received" => number(name, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))?,
                _ => text(name, Repetition::REQUIRED)?,
            });
        }
        for name in names.iter() {
            fields.push(text(name, Repetition::OPTIONAL)?);
        }
        fields.push(text(RAW, Repetition::REQUIRED)?);
        let schema = Arc::new(Type::group_type_builder("event").with_fields(fields).build()?);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by("skywarden".to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for name in [RAW, "event_id"] {
            properties = properties.set_column_dictionary_enabled(name.into(), false);
        }
        let properties = Arc::new(properties.set_column_statistics_enabled(RAW.into(), EnabledStatistics::None).build());
        Ok(Layout { names, schema, properties })
    }
}

fn number(name: &str, logical: Option<LogicalType>) -> Result<TypePtr, ArchiveError> {
    let builder = Type::primitive_type_builder(name, Physical::INT64).with_repetition(Repetition::REQUIRED);
    Ok(Arc::new(builder.with_logical_type(logical).build()?))
}

fn text(name: &str, repetition: Repetition) -> Result<TypePtr, ArchiveError> {
    let builder = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_repetition(repetition);
    Ok(Arc::new(builder.with_logical_type(Some(LogicalType::String)).build()?))
}
