//! A collector spec, linked and prepared.

use serde_json::{Map, Value};
use skywarden_content::{AwsService, CollectorFile, ListCall, Placement, ReadCall};
use skywarden_model::{FieldPath, Segment, TypeName};

use crate::{Specs, batch::member_name, document::AnswerPath, pages::Operation, shape::Shape};

/// A collector that can be run.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    pub(crate) file: &'a CollectorFile,
    pub(crate) type_name: TypeName,
    pub(crate) list: Operation<'a>,
    pub(crate) items: AnswerPath,
    pub(crate) shape: Shape,
    pub(crate) reads: Vec<Read<'a>>,
}

/// A call made for each resource.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) call: &'a ReadCall,
    pub(crate) operation: Operation<'a>,
    pub(crate) select: AnswerPath,
    pub(crate) shape: Shape,
    /// The fields that it fills, and that are unknown if it fails.
    pub(crate) fields: Vec<FieldPath>,
}

impl<'a> Collector<'a> {
    /// Links a spec with its services; `None` for specs without `list`, which Rust fills.
    ///
    /// # Errors
    /// What the spec names and does not exist.
    pub(crate) fn prepare(file: &'a CollectorFile, specs: Specs<'a>) -> Option<Result<Self, String>> {
        let (list, service) = (file.list.as_ref()?, file.service.as_ref()?);
        Some(Self::link(file, list, service, specs))
    }

    /// Whether another collector's listing makes the very same calls.
    pub(crate) fn shares_list_with(&self, other: &Self) -> bool {
        let same_request = |one: &ListCall, two: &ListCall| {
            (&one.request.operation, &one.request.input, &one.request.region, &one.absent_on)
                == (&two.request.operation, &two.request.input, &two.request.region, &two.absent_on)
                && one.request.rest.as_ref().map(|rest| &rest.0) == two.request.rest.as_ref().map(|rest| &rest.0)
                && match (&one.paging, &two.paging) {
                    (None, None) => true,
                    (Some(one), Some(two)) => {
                        (&one.response, &one.request, &one.more, &one.also, &one.size)
                            == (&two.response, &two.request, &two.more, &two.also, &two.size)
                    }
                    _ => false,
                }
        };
        self.list.service.id == other.list.service.id
            && is_global(self.file) == is_global(other.file)
            && self.file.list.as_ref().zip(other.file.list.as_ref()).is_some_and(|(one, two)| same_request(one, two))
    }

    /// The field that a listed text becomes.
    pub(crate) fn scalar(&self) -> Option<&str> {
        self.file.list.as_ref()?.scalar.as_deref()
    }

    /// Whether a listed item is one of this type: several types may share a list.
    pub(crate) fn wants(&self, properties: &Map<String, Value>) -> bool {
        let Some(list) = &self.file.list else { return false };
        let has_one_of = |(field, values): (&String, &Vec<String>)| {
            let value = properties.get(field).and_then(Value::as_str).unwrap_or_default();
            values.iter().any(|one| one.eq_ignore_ascii_case(value))
        };
        list.only.iter().all(has_one_of) && !list.except.iter().any(has_one_of)
    }

    /// Whether the service is there in a region.
    pub(crate) fn is_offered_in(&self, region: &str) -> bool {
        self.list.service.regions.as_ref().is_none_or(|regions| regions.iter().any(|own| own == region))
    }

    fn link(file: &'a CollectorFile, list: &'a ListCall, own: &str, specs: Specs<'a>) -> Result<Self, String> {
        let service = |via: &Option<String>| {
            let id = via.as_deref().unwrap_or(own);
            specs.services.get(id).ok_or_else(|| format!("there is no content/collectors/aws/services/{id}.yaml"))
        };
        let operation = Operation {
            service: service(&list.request.service)?,
            request: &list.request,
            paging: list.paging.as_ref(),
            absent_on: &list.absent_on,
            extra: None,
        };
        check_parent(file, specs)?;
        let items = AnswerPath::parse(&list.items);
        let mut reads = Vec::with_capacity(file.reads.len());
        for call in &file.reads {
            reads.push(Read::link(file, call, service(&call.request.service)?)?);
        }
        Ok(Self {
            file,
            type_name: TypeName::from(file.type_name.as_str()),
            list: operation,
            items: items.into_list(),
            shape: match &list.scalar {
                Some(_) => Shape::text(),
                None => Shape::of_fields(&file.wire, file.fields.iter()),
            },
            reads,
        })
    }
}

/// A type lies below one that is listed in the same place.
fn check_parent(file: &CollectorFile, specs: Specs<'_>) -> Result<(), String> {
    let Some(parent) = &file.parent else { return Ok(()) };
    let name = &parent.type_name;
    match specs.collectors.get(name) {
        None => Err(format!("there is no collector of its parent {name}")),
        Some(above) if is_global(above) != is_global(file) => {
            Err(format!("its parent {name} is not listed in the same places: `placement` differs"))
        }
        Some(_) => Ok(()),
    }
}

impl<'a> Read<'a> {
    fn link(file: &'a CollectorFile, call: &'a ReadCall, service: &'a AwsService) -> Result<Self, String> {
        let operation = &call.request.operation;
        let path = |name: &str| format!("properties.{name}").parse().map_err(|error| format!("{operation}: {error}"));
        let (shape, fields) = if call.into.is_empty() {
            // Without `fills` it may fill anything.
            let is_filled = |name: &String| call.fills.is_empty() || call.fills.contains(name);
            let filled = || file.fields.iter().filter(|(name, _)| is_filled(name));
            let fields = filled().map(|(name, _)| path(name)).collect::<Result<Vec<FieldPath>, String>>()?;
            (Shape::of_fields(&file.wire, filled()), fields)
        } else {
            let shape = Shape::of_field(&file.wire, &file.fields, &call.into)
                .ok_or_else(|| format!("{operation} fills `{}`, which is not among the fields", call.into))?;
            (shape, vec![path(&call.into)?])
        };
        let shape = match &call.batch {
            Some(batch) if call.into.is_empty() => shape.with_text(&batch.key),
            Some(batch) => Shape::object(member_name(&call.into, batch), shape).with_text(&batch.key),
            None => shape,
        };
        let select = AnswerPath::parse(&call.select);
        let select = if call.batch.is_some() || matches!(shape, Shape::List(_)) { select.into_list() } else { select };
        let operation =
            Operation { service, request: &call.request, paging: call.paging.as_ref(), absent_on: &call.absent_on, extra: None };
        Ok(Self { call, operation, select, shape, fields })
    }

    /// Where in a resource its value lies.
    pub(crate) fn place(&self) -> Vec<Segment> {
        let names = self.call.into.split('.').filter(|name| !name.is_empty());
        std::iter::once("properties").chain(names).map(|name| Segment::Key(name.into())).collect()
    }
}

/// Whether the resources are listed once for the account.
pub(crate) fn is_global(file: &CollectorFile) -> bool {
    file.placement == Placement::Global
}
