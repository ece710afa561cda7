use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    answer::Answer,
    copies::Owner,
    filter::{Filter, Operator},
    paging::{list, page},
    request::Request,
    server::Service,
};

/// The activity log forgets what is older.
const ACTIVITY_DAYS: i64 = 90;

/// The activity log of a subscription, the latest first. The caller may read it.
///
/// # Errors
/// As an answer, if the filter can't be read, names no start, or one that is too old.
pub(crate) fn values(service: &Service, request: &Request, owner: Owner) -> Result<Answer, Answer> {
    let bad = |message: &str| Answer::error(400, "BadRequest", message);
    let text = request.parameter("$filter").ok_or_else(|| bad("The $filter clause is required: eventTimestamp ge '...'."))?;
    let filter = Filter::parse(text).map_err(|why| bad(&format!("The $filter clause is invalid: {why}.")))?;
    let begin = filter.leaves().into_iter().find_map(|leaf| match leaf {
        Filter::Compare { field, operator: Operator::GreaterOrEqual | Operator::Greater, value }
            if field.eq_ignore_ascii_case("eventTimestamp") =>
        {
            Some(value.clone())
        }
        _ => None,
    });
    let begin = begin.ok_or_else(|| bad("The $filter clause must have a start time: eventTimestamp ge '...'."))?;
    let begin = moment(&begin).ok_or_else(|| bad(&format!("The start time '{begin}' is no time.")))?;
    let now = service.now();
    if begin < now - SignedDuration::from_hours(ACTIVITY_DAYS * 24) {
        return Err(bad(&format!("The start time cannot be more than {ACTIVITY_DAYS} days in the past.")));
    }
    let id = service.estate.subscription_id(owner);
    let written = service.estate.written.activity.iter().filter(|activity| activity.subscription.eq_ignore_ascii_case(&id));
    let mut events: Vec<Value> = Vec::new();
    for activity in written {
        let time = now - SignedDuration::from_mins(i64::from(activity.minutes_ago));
        let mut event = activity.event.clone();
        event.insert("eventTimestamp".to_owned(), time.to_string().into());
        event.insert("submissionTimestamp".to_owned(), (time + SignedDuration::from_secs(90)).to_string().into());
        let event = Value::Object(event);
        let field = |name: &str| match name.to_lowercase().as_str() {
            "eventtimestamp" => event.get("eventTimestamp").cloned(),
            "resourceuri" => event.get("resourceId").cloned(),
            "resourceprovider" => event.pointer("/resourceProviderName/value").cloned(),
            "eventchannels" | "levels" => None,
            own => event.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(own)).map(|(_, value)| value.clone()),
        };
        if compared(&filter, &field) {
            events.push(event);
        }
    }
    // The latest first.
    events.sort_by_key(|event| std::cmp::Reverse(event.get("eventTimestamp").and_then(Value::as_str).map(str::to_owned)));
    let (page, next) = page(service, request, service.options.page, events);
    Ok(Answer::json(200, &list(page, next).into()))
}

/// Times are compared as times: clients write them with more or fewer digits. Channels and levels are not looked at.
fn compared(filter: &Filter, field: &dyn Fn(&str) -> Option<Value>) -> bool {
    filter.leaves().into_iter().all(|leaf| match leaf {
        Filter::Compare { field: name, operator, value } if name.eq_ignore_ascii_case("eventTimestamp") => {
            let own = field("eventTimestamp").and_then(|own| moment(own.as_str()?));
            let (Some(own), Some(other)) = (own, moment(value)) else { return false };
            match operator {
                Operator::Less => own < other,
                Operator::LessOrEqual => own <= other,
                Operator::Greater => own > other,
                Operator::GreaterOrEqual => own >= other,
                Operator::Equal => own == other,
                Operator::NotEqual => own != other,
            }
        }
        Filter::Compare { field: name, .. } if matches!(name.to_lowercase().as_str(), "eventchannels" | "levels") => true,
        leaf => leaf.holds(field, &|_, _| false),
    })
}

/// A time as clients write it; without a zone it is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
