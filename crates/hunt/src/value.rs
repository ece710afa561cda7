//! Values of columns as JSON.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, UnionArray},
    compute::cast,
    datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType, UInt64Type},
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use serde_json::{Map, Value};

use crate::HuntError;

type Reader<'a> = Box<dyn Fn(usize) -> Result<Value, HuntError> + 'a>;

/// How the values of a column are read, by the number of the row.
pub(crate) fn values(array: &ArrayRef) -> Result<Reader<'_>, HuntError> {
    let failed = |error: ArrowError| HuntError::Engine(error.to_string());
    let as_kind = |kind: DataType| cast(array, &kind).map_err(failed);
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_| Ok(Value::Null)),
        DataType::Boolean => {
            let array: &BooleanArray = array.as_boolean();
            there(array, |row| Ok(Value::Bool(array.value(row))))
        }
        DataType::Utf8View => {
            let array = array.as_string_view();
            there(array, |row| Ok(Value::String(array.value(row).to_owned())))
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            there(array, |row| Ok(Value::String(array.value(row).to_owned())))
        }
        DataType::UInt64 => {
            let array = array.as_primitive::<UInt64Type>();
            there(array, |row| Ok(Value::from(array.value(row))))
        }
        kind if kind.is_integer() => {
            let cast = as_kind(DataType::Int64)?;
            Box::new(move |row| {
                let array = cast.as_primitive::<Int64Type>();
                Ok(if array.is_null(row) { Value::Null } else { Value::from(array.value(row)) })
            })
        }
        kind if kind.is_floating() => {
            let cast = as_kind(DataType::Float64)?;
            Box::new(move |row| {
                let array = cast.as_primitive::<Float64Type>();
                // Infinity and what is no number have no word in JSON.
                Ok(if array.is_null(row) { Value::Null } else { Value::from(array.value(row)) })
            })
        }
        DataType::Date32 => {
            let array = array.as_primitive::<Date32Type>();
            there(array, |row| Ok(array.value_as_date(row).map_or(Value::Null, |date| Value::String(date.to_string()))))
        }
        DataType::Timestamp(..) => {
            let cast = as_kind(DataType::Timestamp(TimeUnit::Millisecond, None))?;
            Box::new(move |row| {
                let array = cast.as_primitive::<TimestampMillisecondType>();
                let time = if array.is_null(row) { None } else { array.value_as_datetime(row) };
                Ok(time.map_or(Value::Null, |time| Value::String(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())))
            })
        }
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            there(array, |row| {
                let inner = array.value(row);
                let read = values(&inner)?;
                (0..inner.len()).map(read).collect::<Result<Vec<_>, _>>().map(Value::Array)
            })
        }
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let columns = fields.iter().zip(array.columns()).map(|(field, column)| Ok((field.name(), values(column)?)));
            let columns: Vec<_> = columns.collect::<Result<_, HuntError>>()?;
            there(array, move |row| {
                let members = columns.iter().map(|(name, read)| Ok(((*name).clone(), read(row)?)));
                members.collect::<Result<Map<_, _>, HuntError>>().map(Value::Object)
            })
        }
        // What `json_get` gives: one of several kinds in each row.
        DataType::Union(fields, _) => {
            let Some(array) = array.as_any().downcast_ref::<UnionArray>() else { return Ok(Box::new(|_| Ok(Value::Null))) };
            Box::new(move |row| {
                let one: ArrayRef = array.value(row);
                let kind = fields.iter().find(|(id, _)| *id == array.type_id(row)).map(|(_, field)| field.name().as_str());
                let value = values(&one)?(0)?;
                let is_json = matches!(kind, Some("object" | "array"));
                Ok(match &value {
                    Value::String(text) if is_json => serde_json::from_str(text).unwrap_or(value),
                    _ => value,
                })
            })
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map(Arc::new).map_err(failed)?;
            there(array.as_ref(), move |row| formatter.value(row).try_to_string().map(Value::String).map_err(failed))
        }
    })
}

/// Reads a value only where there is one.
fn there<'a>(array: &'a dyn Array, read: impl Fn(usize) -> Result<Value, HuntError> + 'a) -> Reader<'a> {
    Box::new(move |row| if array.is_null(row) { Ok(Value::Null) } else { read(row) })
}
