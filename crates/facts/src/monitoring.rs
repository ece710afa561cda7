//! Whether somebody is told of the calls that matter: trail -> log group -> metric filter -> alarm -> topic -> subscriber.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_content::FactFile;
use skywarden_inventory::Inventory;
use skywarden_model::{FactSheet, FieldPath, Resource, Segment, Unreadable, UnreadableKind};

use crate::{
    filter_pattern::FilterPattern,
    read::{self, Failures, Why},
    sheet::seen,
};

const ACCOUNT: &str = "AWS::IAM::Account";
const TRAIL: &str = "AWS::CloudTrail::Trail";
const FILTER: &str = "AWS::Logs::MetricFilter";
const ALARM: &str = "AWS::CloudWatch::Alarm";
const SUBSCRIPTION: &str = "AWS::SNS::Subscription";

/// A metric filter that leads to somebody, with what it lets through.
struct Watch<'a> {
    filter: &'a Resource,
    pattern: FilterPattern,
}

/// What an account watches.
#[derive(Default)]
struct Watches<'a> {
    sure: Vec<Watch<'a>>,
    /// Why there may be more.
    doubt: Option<Why>,
}

/// The resources that make up the way, by account and type.
type Ways<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Resource>>;

/// The fact of the accounts: for each group of probes whether all its events reach somebody.
pub(crate) fn monitoring<'a>(
    inventory: Inventory<'a>,
    failures: &Failures<'_>,
    file: &FactFile,
) -> Vec<(&'a Resource, FactSheet)> {
    let mut ways = Ways::new();
    for type_name in [TRAIL, FILTER, ALARM, SUBSCRIPTION] {
        for resource in inventory.hold_all(type_name) {
            ways.entry((&*resource.scope.account, type_name)).or_default().push(resource);
        }
    }
    inventory.hold_all(ACCOUNT).map(|account| (account, sheet(account, &ways, failures, file))).collect()
}

fn sheet(account: &Resource, ways: &Ways<'_>, failures: &Failures<'_>, file: &FactFile) -> FactSheet {
    let watches = watches(account, ways, failures);
    let mut sheet = FactSheet::default();
    let mut covered = BTreeMap::new();
    for (name, events) in &file.probes {
        let is_seen = |event: &Value| watches.sure.iter().any(|watch| watch.pattern.matches(event));
        match (events.iter().all(is_seen), &watches.doubt) {
            (true, _) => {
                covered.insert(name.clone(), json!(true));
            }
            (false, None) => {
                covered.insert(name.clone(), json!(false));
            }
            (false, Some(why)) => {
                let path = ["facts", &file.id, "covered", name].map(|key| Segment::Key(key.into()));
                let field = FieldPath::from_segments(path.to_vec());
                sheet.unreadable.push(Unreadable { field, reason: Arc::clone(why) });
            }
        }
    }
    sheet.values.insert(Arc::clone(&file.id), [("covered".into(), json!(covered))].into_iter().collect());
    let evidence = watches.sure.iter().take(10).map(|watch| {
        let pattern = watch.filter.properties.get("FilterPattern").cloned().unwrap_or_default();
        seen(watch.filter, "FilterPattern", "a filter whose alarm reaches a subscriber", pattern)
    });
    sheet.evidence.insert(Arc::clone(&file.id), evidence.collect());
    sheet
}

fn watches<'a>(account: &Resource, ways: &Ways<'a>, failures: &Failures<'_>) -> Watches<'a> {
    let own = |type_name: &'static str| ways.get(&(&*account.scope.account, type_name)).into_iter().flatten().copied();
    let mut watches = Watches::default();
    let mut doubts = Vec::new();
    for type_name in [TRAIL, FILTER, ALARM, SUBSCRIPTION] {
        if !failures.is_listed(type_name, &account.scope.account) {
            let message = format!("the source has no list of {type_name}");
            doubts.push(read::why(UnreadableKind::NotCarried, type_name, &message));
        }
        doubts.extend(failures.anywhere(type_name, &account.scope.account));
    }
    let mut groups = BTreeSet::new();
    for trail in own(TRAIL) {
        match group_of(trail) {
            Ok(group) => groups.extend(group),
            Err(why) => doubts.push(why),
        }
    }
    let heard: BTreeSet<String> = own(SUBSCRIPTION).filter_map(|subscription| topic_of(subscription).ok().flatten()).collect();
    let mut metrics = BTreeSet::new();
    for alarm in own(ALARM) {
        match metrics_of(alarm, &heard) {
            Ok(found) => metrics.extend(found.into_iter().map(|(namespace, name)| (place(alarm), namespace, name))),
            Err(why) => doubts.push(why),
        }
    }
    for filter in own(FILTER) {
        match watch(filter, &groups, &metrics) {
            Ok(watch) => watches.sure.extend(watch),
            Err(why) => doubts.push(why),
        }
    }
    watches.doubt = doubts.into_iter().next();
    watches
}

fn place(resource: &Resource) -> String {
    resource.scope.resource_group.to_string()
}

/// Region and name of the log group of a trail that records all management calls of all regions, if it is one.
fn group_of(trail: &Resource) -> Result<Option<(String, String)>, Why> {
    let flag = |path: &[&str]| read::get(trail, path).map(|value| value.and_then(Value::as_bool) == Some(true));
    if !flag(&["IsMultiRegionTrail"])? {
        return Ok(None);
    }
    let Some(arn) = read::text(trail, &["CloudWatchLogsLogGroupArn"])? else { return Ok(None) };
    if !flag(&["Status", "IsLogging"])? || !records_all_calls(trail)? {
        return Ok(None);
    }
    // arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let [_, _, _, region, owner, _, name] = parts.as_slice() else {
        return Err(read::malformed(trail, "CloudWatchLogsLogGroupArn", "it is no ARN of a log group"));
    };
    if *owner != &*trail.scope.account {
        let message = format!("the log group lies in the account {owner}, which is not looked at here");
        return Err(read::why(UnreadableKind::NotCarried, "logs:DescribeMetricFilters", &message));
    }
    Ok(Some(((*region).to_owned(), name.trim_end_matches(":*").to_owned())))
}

/// Without any selector a trail records all management calls.
fn records_all_calls(trail: &Resource) -> Result<bool, Why> {
    let selectors = read::list(trail, &["EventSelectors"])?;
    let advanced = match read::get(trail, &["AdvancedEventSelectors"])? {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    let is_whole = |selector: &Value| {
        selector.get("IncludeManagementEvents").and_then(Value::as_bool) != Some(false)
            && selector.get("ReadWriteType").and_then(Value::as_str).is_none_or(|kind| kind == "All")
    };
    let is_whole_advanced = |selector: &Value| {
        let fields = selector.get("FieldSelectors").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        let named = |name: &str| fields.iter().find(|field| field.get("Field").and_then(Value::as_str) == Some(name));
        let category = named("eventCategory").and_then(|field| field.get("Equals")).and_then(Value::as_array);
        category.is_some_and(|values| values.iter().any(|value| value.as_str() == Some("Management")))
            && named("readOnly").is_none()
    };
    Ok((selectors.is_empty() && advanced.is_empty()) || selectors.iter().any(is_whole) || advanced.iter().any(is_whole_advanced))
}

/// The topic of a subscription that somebody has confirmed.
fn topic_of(subscription: &Resource) -> Result<Option<String>, Why> {
    let arn = read::text(subscription, &["SubscriptionArn"])?.unwrap_or_default();
    Ok(read::text(subscription, &["TopicArn"])?.filter(|_| arn.starts_with("arn:")).map(str::to_owned))
}

/// Namespace and name of the metrics of an alarm that reaches somebody.
fn metrics_of(alarm: &Resource, heard: &BTreeSet<String>) -> Result<Vec<(String, String)>, Why> {
    if read::get(alarm, &["ActionsEnabled"])?.and_then(Value::as_bool) == Some(false) {
        return Ok(Vec::new());
    }
    let actions = read::texts(alarm, "AlarmActions")?;
    // What is no topic (an incident, a function) needs no subscriber.
    let reaches = |action: &String| !action.contains(":sns:") || heard.contains(action);
    if !actions.iter().any(reaches) {
        return Ok(Vec::new());
    }
    let mut metrics = Vec::new();
    if let (Some(namespace), Some(name)) = (read::text(alarm, &["Namespace"])?, read::text(alarm, &["MetricName"])?) {
        metrics.push((namespace.to_owned(), name.to_owned()));
    }
    Ok(metrics)
}

fn watch<'a>(
    filter: &'a Resource,
    groups: &BTreeSet<(String, String)>,
    metrics: &BTreeSet<(String, String, String)>,
) -> Result<Option<Watch<'a>>, Why> {
    let region = place(filter);
    let group = read::text(filter, &["LogGroupName"])?.unwrap_or_default();
    if !groups.contains(&(region.clone(), group.to_owned())) {
        return Ok(None);
    }
    let transformations = read::list(filter, &["MetricTransformations"])?;
    let is_alarmed = transformations.iter().any(|transformation| {
        let text = |name: &str| transformation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        metrics.contains(&(region.clone(), text("MetricNamespace"), text("MetricName")))
    });
    if !is_alarmed {
        return Ok(None);
    }
    let text = read::text(filter, &["FilterPattern"])?.unwrap_or_default();
    let pattern = FilterPattern::parse(text).map_err(|problem| read::malformed(filter, "FilterPattern", &problem))?;
    Ok(Some(Watch { filter, pattern }))
}
