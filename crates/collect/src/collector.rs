//! A collector spec, linked and prepared.

use skywarden_content::{AwsService, CollectorFile, ListCall, Placement, ReadCall};
use skywarden_model::{FieldPath, Segment, TypeName};

use crate::{Specs, document::AnswerPath, pages::Operation, shape::Shape};

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
            (&one.request.operation, &one.request.input) == (&two.request.operation, &two.request.input)
                && one.request.rest.as_ref().map(|rest| &rest.0) == two.request.rest.as_ref().map(|rest| &rest.0)
                && match (&one.paging, &two.paging) {
                    (None, None) => true,
                    (Some(one), Some(two)) => {
                        (&one.response, &one.request, &one.more, &one.size) == (&two.response, &two.request, &two.more, &two.size)
                    }
                    _ => false,
                }
        };
        self.list.service.id == other.list.service.id
            && is_global(self.file) == is_global(other.file)
            && self.file.list.as_ref().zip(other.file.list.as_ref()).is_some_and(|(one, two)| same_request(one, two))
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
            absent_on: &[],
        };
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
            shape: Shape::of_fields(&file.wire, file.fields.iter()),
            reads,
        })
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
        let select = AnswerPath::parse(&call.select);
        let select = if matches!(shape, Shape::List(_)) { select.into_list() } else { select };
        let operation = Operation { service, request: &call.request, paging: call.paging.as_ref(), absent_on: &call.absent_on };
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
