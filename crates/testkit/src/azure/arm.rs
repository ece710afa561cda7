use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    activity,
    answer::Answer,
    authorization,
    copies::{Item, Owner},
    estate::{Face, Namespace, Template},
    filter::Filter,
    login::{Audience, Caller, caller},
    management,
    paging::{list, page},
    request::Request,
    resource_graph,
    rights::Rights,
    server::{Service, held},
    throttle::Verdict,
};

/// What the generic list tells of a resource.
const GENERIC: [&str; 12] =
    ["id", "name", "type", "kind", "location", "tags", "sku", "identity", "managedBy", "plan", "zones", "extendedLocation"];

/// The answer to a request to Resource Manager.
pub(crate) fn answer(service: &Service, request: &Request) -> Answer {
    let caller = match caller(service, request, Audience::Manager) {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    match request.parameter("api-version") {
        None | Some("") => {
            let message = "The api-version query parameter (?api-version=) is required for all requests.";
            return Answer::error(400, "MissingApiVersionParameter", message);
        }
        Some(version) if !is_version(version) => {
            return Answer::error(400, "InvalidApiVersionParameter", &format!("The api-version '{version}' is invalid."));
        }
        Some(_) => {}
    }
    let rights = service.rights(&caller);
    let asking = Asking { service, request, caller: &caller, rights: &rights };
    let folded = request.folded();
    let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
    if let ["providers", "microsoft.resourcegraph", "resources"] = folded.as_slice() {
        return resource_graph::answer(service, request, &caller, &rights);
    }
    let (header, answer) = match folded.as_slice() {
        ["subscriptions", subscription, ..] => {
            let bucket = format!("{subscription} {}", caller.object_id);
            ("x-ms-ratelimit-remaining-subscription-reads", throttled(service, &bucket, subscription))
        }
        _ => ("x-ms-ratelimit-remaining-tenant-reads", throttled(service, &caller.object_id, service.estate.tenant())),
    };
    match answer {
        Err(answer) => answer,
        Ok(remaining) => {
            let answer = asking.answer(&folded).unwrap_or_else(|answer| answer);
            answer.with_header(header, &remaining.to_string())
        }
    }
}

fn is_version(version: &str) -> bool {
    let date = version.get(..10).unwrap_or_default();
    let rest = version.get(10..).unwrap_or_default();
    date.parse::<jiff::civil::Date>().is_ok() && (rest.is_empty() || rest.starts_with('-'))
}

/// How many reads are left, or the answer that there are none.
fn throttled(service: &Service, whose: &str, of: &str) -> Result<u32, Answer> {
    let left = held(&service.used).take(service.options.reads, whose, service.elapsed());
    if left.verdict == Verdict::Served {
        return Ok(left.remaining);
    }
    let seconds = left.until.as_millis().div_ceil(1000).max(1);
    let message = format!(
        "Number of 'read' requests for subscription '{of}' actor '{whose}' exceeded. Please try again after '{seconds}' seconds after \
         additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information."
    );
    Err(Answer::error(429, "SubscriptionRequestsThrottled", &message).with_header("retry-after", &seconds.to_string()))
}

/// A request, who makes it, and what that one may do.
struct Asking<'a> {
    service: &'a Service,
    request: &'a Request,
    caller: &'a Caller,
    rights: &'a Rights,
}

impl Asking<'_> {
    fn answer(&self, folded: &[&str]) -> Result<Answer, Answer> {
        let estate = &self.service.estate;
        if let ["providers", "microsoft.management", rest @ ..] = folded
            && let Some(answer) = management::answer(self.service, self.request, self.caller, self.rights, rest)
        {
            return Ok(answer);
        }
        if let [scope @ .., "providers", "microsoft.authorization", "permissions"] = folded {
            let scope = format!("/{}", scope.join("/"));
            return Ok(authorization::permissions(self.service, self.rights, &scope));
        }
        let owner = match folded {
            ["subscriptions", subscription, ..] => Some(self.owner(subscription)?),
            _ => None,
        };
        if self.request.method == Method::POST {
            return self.post();
        }
        if self.request.method != Method::GET {
            let message = "The requested resource does not support this method: this server's estate can't be changed.";
            return Err(Answer::error(405, "MethodNotAllowed", message));
        }
        match (folded, owner) {
            (["subscriptions"], _) => Ok(self.subscriptions()),
            (["tenants"], _) => Ok(self.tenants()),
            (["subscriptions", _], Some(owner)) => {
                self.allowed("Microsoft.Resources/subscriptions/read", &self.path())?;
                Ok(Answer::json(200, &self.subscription(owner)))
            }
            (["subscriptions", _, "resourcegroups"], Some(owner)) => {
                let groups =
                    estate.items_of(owner, |template| template.type_folded == "microsoft.resources/subscriptions/resourcegroups");
                let seen = groups.filter(|item| self.may_read(*item));
                Ok(self.paged(seen, |item| with_type(estate.body(item), "Microsoft.Resources/resourceGroups")))
            }
            (["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"], Some(owner)) => {
                self.resources(owner, folded)
            }
            (["subscriptions", _, "providers"], Some(owner)) => {
                self.allowed("Microsoft.Resources/subscriptions/providers/read", &self.path())?;
                let namespaces = estate.written.namespaces.iter();
                let (page, next) = page(self.service, self.request, self.service.options.page, namespaces);
                let values = page.into_iter().map(|(name, namespace)| self.provider(owner, name, namespace)).collect();
                Ok(Answer::json(200, &list(values, next).into()))
            }
            (["subscriptions", _, "providers", name], Some(owner)) => {
                let (name, namespace) = self.namespace(name)?;
                Ok(Answer::json(200, &self.provider(owner, name, namespace)))
            }
            (["subscriptions", _, "providers", "microsoft.insights", "eventtypes", "management", "values"], Some(owner)) => {
                self.allowed("Microsoft.Insights/eventtypes/values/read", &self.path())?;
                activity::values(self.service, self.request, owner)
            }
            _ => self.generic(folded, owner),
        }
    }

    /// The path as Azure writes scopes.
    fn path(&self) -> String {
        format!("/{}", self.request.segments.join("/"))
    }

    fn owner(&self, subscription: &str) -> Result<Owner, Answer> {
        let is_guid = subscription.len() == 36 && subscription.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-');
        if !is_guid {
            let message = format!("The provided subscription identifier '{subscription}' is malformed or invalid.");
            return Err(Answer::error(400, "InvalidSubscriptionId", &message));
        }
        let owner = self.service.estate.subscription(subscription);
        owner.ok_or_else(|| {
            Answer::error(404, "SubscriptionNotFound", &format!("The subscription '{subscription}' could not be found."))
        })
    }

    fn allowed(&self, action: &str, scope: &str) -> Result<(), Answer> {
        if self.rights.allow(&self.service.estate, action, scope) {
            return Ok(());
        }
        Err(self.service.forbidden(self.caller, action, scope))
    }

    fn may_read(&self, item: Item) -> bool {
        let estate = &self.service.estate;
        let action = estate.template(item).map(|template| format!("{}/read", template.type_folded)).unwrap_or_default();
        self.rights.allow(estate, &action, &estate.id(item))
    }

    fn paged<T>(&self, items: impl Iterator<Item = T>, shown: impl Fn(T) -> Value) -> Answer {
        let (page, next) = page(self.service, self.request, self.service.options.page, items);
        Answer::json(200, &list(page.into_iter().map(shown).collect(), next).into())
    }

    fn subscriptions(&self) -> Answer {
        let estate = &self.service.estate;
        let reached = |owner: &Owner| self.rights.reach(estate, &format!("/subscriptions/{}", estate.subscription_id(*owner)));
        let all: Vec<Owner> = estate.all_subscriptions().filter(reached).collect();
        let count = json!({"type": "Total", "value": all.len()});
        let (page, next) = page(self.service, self.request, self.service.options.page, all);
        let mut answer = list(page.into_iter().map(|owner| self.subscription(owner)).collect(), next);
        answer.insert("count".to_owned(), count);
        Answer::json(200, &answer.into())
    }

    fn subscription(&self, owner: Owner) -> Value {
        let estate = &self.service.estate;
        let id = estate.subscription_id(owner);
        let written = estate.written.subscriptions.get(owner.written);
        json!({
            "id": format!("/subscriptions/{id}"),
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": id,
            "tenantId": estate.tenant(),
            "displayName": self.service.subscription_name(owner),
            "state": written.map(|own| own.state.as_str()),
            "tags": written.map(|own| &own.tags),
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
        })
    }

    fn tenants(&self) -> Answer {
        let tenant = &self.service.estate.written.tenant;
        let own = json!({
            "id": format!("/tenants/{}", tenant.id),
            "tenantId": tenant.id,
            "countryCode": tenant.country_code,
            "displayName": tenant.display_name,
            "domains": [tenant.default_domain],
            "tenantCategory": "Home",
            "defaultDomain": tenant.default_domain,
            "tenantType": "AAD",
        });
        Answer::json(200, &list(vec![own], None).into())
    }

    fn provider(&self, owner: Owner, name: &str, namespace: &Namespace) -> Value {
        let state = if self.is_registered(owner, name) { "Registered" } else { "NotRegistered" };
        let types = namespace.types.iter().map(|own| json!({
            "resourceType": own, "locations": ["West Europe", "North Europe"], "apiVersions": namespace.api_versions, "capabilities": "None",
        }));
        json!({
            "id": format!("/subscriptions/{}/providers/{name}", self.service.estate.subscription_id(owner)),
            "namespace": name,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": state,
            "resourceTypes": types.collect::<Vec<_>>(),
        })
    }

    fn is_registered(&self, owner: Owner, namespace: &str) -> bool {
        let written = self.service.estate.written.subscriptions.get(owner.written);
        written.is_none_or(|own| !own.not_registered.iter().any(|other| other.eq_ignore_ascii_case(namespace)))
    }

    fn namespace(&self, name: &str) -> Result<(&str, &Namespace), Answer> {
        let found = self.service.estate.written.namespaces.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let message = || format!("The resource namespace '{name}' is invalid.");
        found
            .map(|(own, namespace)| (own.as_str(), namespace))
            .ok_or_else(|| Answer::error(404, "InvalidResourceNamespace", &message()))
    }

    /// The generic list: what it may not tell it leaves out.
    fn resources(&self, owner: Owner, folded: &[&str]) -> Result<Answer, Answer> {
        let estate = &self.service.estate;
        let filter = match self.request.parameter("$filter") {
            Some(text) => Some(Filter::parse(text).map_err(|why| {
                Answer::error(
                    400,
                    "InvalidFilterInQueryString",
                    &format!("Invalid $filter '{text}' specified in the query string: {why}."),
                )
            })?),
            None => None,
        };
        let group = match folded {
            [_, _, _, group, _] => Some(*group),
            _ => None,
        };
        if group.is_some() {
            self.existing_group(folded)?;
        }
        let items = estate.items_of(owner, |template| template.table.as_deref() == Some("resources"));
        let is_wanted = |item: &Item| {
            let Some(template) = estate.template(*item) else { return false };
            let field = |name: &str| match name.to_lowercase().as_str() {
                "resourcetype" => Some(Value::from(template.type_folded.as_str())),
                "resourcegroup" => Some(estate.resource_group(*item).into()),
                "name" => Some(estate.name(*item).into()),
                "location" => Some(template.location.as_str().into()),
                _ => None,
            };
            group.is_none_or(|group| estate.resource_group(*item) == group)
                && filter.as_ref().is_none_or(|filter| filter.holds(&field, &|_, _| false))
                && self.may_read(*item)
        };
        let size = match self.request.parameter("$top").map(str::parse::<usize>) {
            None => self.service.options.page,
            Some(Ok(top)) if top > 0 => top.min(1000),
            Some(_) => return Err(Answer::error(400, "InvalidTopInQueryString", "Invalid $top specified in the query string.")),
        };
        let (page, next) = page(self.service, self.request, size, items.filter(is_wanted));
        let shown = page.into_iter().map(|item| {
            let body = estate.body(item);
            let fields = GENERIC.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())));
            Value::Object(fields.collect::<Map<_, _>>())
        });
        Ok(Answer::json(200, &list(shown.collect(), next).into()))
    }

    fn existing_group(&self, folded: &[&str]) -> Result<(), Answer> {
        let [subscriptions, subscription, "resourcegroups", group, ..] = folded else { return Ok(()) };
        let id = format!("/{subscriptions}/{subscription}/resourcegroups/{group}");
        if self.service.estate.find(&id).is_some() {
            return Ok(());
        }
        let written = self.request.segments.get(3).map_or(*group, String::as_str);
        Err(Answer::error(404, "ResourceGroupNotFound", &format!("Resource group '{written}' could not be found.")))
    }

    fn post(&self) -> Result<Answer, Answer> {
        let path = self.path();
        let estate = &self.service.estate;
        let item = estate.find(&path).filter(|item| estate.template(*item).is_some_and(|template| template.face == Face::Post));
        let (above, _) = path.rsplit_once('/').unwrap_or_default();
        let Some((item, template)) = item.and_then(|item| Some((item, estate.template(item)?))) else {
            return Err(self.missing(&path));
        };
        self.allowed(&format!("{}/action", template.type_name), above)?;
        Ok(Answer::json(200, &estate.body(item).get("answer").cloned().unwrap_or_default()))
    }

    /// Any object and any list, as the estate has them.
    fn generic(&self, folded: &[&str], owner: Option<Owner>) -> Result<Answer, Answer> {
        let Some(last) = folded.iter().rposition(|segment| *segment == "providers") else {
            return self.one("Microsoft.Resources/subscriptions/resourceGroups", folded, owner);
        };
        let written: Vec<&str> = self.request.segments.iter().skip(last + 1).map(String::as_str).collect();
        let [name, rest @ ..] = written.as_slice() else { return Err(self.missing(&self.path())) };
        let (name, namespace) = self.namespace(name)?;
        let own_type: Vec<&str> = rest.iter().step_by(2).copied().collect();
        let own_type = own_type.join("/");
        let Some(known) = namespace.types.iter().find(|known| known.eq_ignore_ascii_case(&own_type)) else {
            let message = format!(
                "The resource type '{own_type}' could not be found in the namespace '{name}' for api version '{}'. The supported \
                 api-versions are '{}'.",
                self.request.parameter("api-version").unwrap_or_default(),
                namespace.api_versions.join(",")
            );
            return Err(Answer::error(404, "InvalidResourceType", &message));
        };
        let type_name = format!("{name}/{known}");
        // A view of a resource has the path of a list, but is one object: the state of a machine.
        if rest.len().is_multiple_of(2) || self.is_object(&self.path()) {
            return self.one(&type_name, folded, owner);
        }
        let scope = format!("/{}", self.request.segments.iter().take(last).cloned().collect::<Vec<_>>().join("/"));
        self.many(&type_name, namespace, known, owner, &scope, folded)
    }

    fn is_object(&self, path: &str) -> bool {
        let estate = &self.service.estate;
        estate.find(path).and_then(|item| estate.template(item)).is_some_and(|template| template.face == Face::Get)
    }

    fn one(&self, type_name: &str, folded: &[&str], owner: Option<Owner>) -> Result<Answer, Answer> {
        let estate = &self.service.estate;
        let path = self.path();
        self.allowed(&format!("{type_name}/read"), &path)?;
        let is_shown = |item: &Item| estate.template(*item).is_some_and(|template| template.face == Face::Get);
        if let Some(item) = estate.find(&path).filter(is_shown) {
            let body = estate.body(item);
            let is_group = folded.len() == 4 && owner.is_some();
            return Ok(Answer::json(200, &if is_group { with_type(body, "Microsoft.Resources/resourceGroups") } else { body }));
        }
        // A role that every tenant has is there at every scope.
        if let Some((_, tail)) = path.to_lowercase().rsplit_once("/providers/")
            && let Some(item) = estate.find(&format!("/providers/{tail}")).filter(is_shown)
        {
            let mut body = estate.body(item);
            if let Some(body) = body.as_object_mut() {
                body.insert("id".to_owned(), path.into());
            }
            return Ok(Answer::json(200, &body));
        }
        self.existing_group(folded)?;
        Err(self.missing(&path))
    }

    fn missing(&self, path: &str) -> Answer {
        let segments: Vec<&str> = self.request.segments.iter().map(String::as_str).collect();
        let group = segments
            .iter()
            .position(|segment| segment.eq_ignore_ascii_case("resourceGroups"))
            .and_then(|at| segments.get(at + 1));
        let own = path.rsplit_once("/providers/").map_or(path, |(_, own)| own);
        let below = group.map(|group| format!(" under resource group '{group}'")).unwrap_or_default();
        let message = format!(
            "The Resource '{own}'{below} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        Answer::error(404, "ResourceNotFound", &message)
    }

    fn many(
        &self,
        type_name: &str,
        namespace: &Namespace,
        known: &str,
        owner: Option<Owner>,
        scope: &str,
        folded: &[&str],
    ) -> Result<Answer, Answer> {
        let estate = &self.service.estate;
        let type_folded = type_name.to_lowercase();
        let (name, _) = type_name.split_once('/').unwrap_or_default();
        let is_nested = known.contains('/');
        let path = self.path();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let place = if is_nested { parent } else { scope };
        self.allowed(&format!("{type_name}/read"), place)?;
        if let Some(owner) = owner.filter(|owner| !self.is_registered(*owner, name)) {
            return Err(self.unregistered(owner, name, namespace));
        }
        self.existing_group(folded)?;
        let above = if is_nested { parent } else { scope };
        if above.to_lowercase().contains("/providers/") && !is_management_group(above) && estate.find(above).is_none() {
            let (_, own) = above.rsplit_once("/providers/").unwrap_or_default();
            let message = format!("Can not perform requested operation on nested resource. Parent resource '{own}' not found.");
            return Err(Answer::error(404, if is_nested { "ParentResourceNotFound" } else { "ResourceNotFound" }, &message));
        }
        let is_of = |own: &str| own.eq_ignore_ascii_case(known);
        let is_exact = namespace.at_scope_only.iter().any(|own| is_of(own));
        let below = if is_nested {
            format!("{}/", path.to_lowercase())
        } else {
            format!("{}/", scope.trim_end_matches('/').to_lowercase())
        };
        let exactly = format!("{below}providers/{type_folded}/");
        let wanted = |template: &Template| template.type_folded == type_folded && template.face == Face::Get;
        let is_below =
            |item: &Item| estate.id(*item).to_lowercase().starts_with(if is_exact && !is_nested { &exactly } else { &below });
        let found: Vec<Item> = match owner {
            Some(owner) => estate.items_of(owner, wanted).filter(is_below).collect(),
            None => {
                estate.items(move |template| wanted(template) && template.place.written().is_none()).filter(is_below).collect()
            }
        };
        if namespace.inherited.iter().any(|own| is_of(own)) {
            let values = authorization::inherited(self.service, self.request, &type_folded, scope, found)?;
            return Ok(self.paged(values.into_iter(), |value| value));
        }
        Ok(self.paged(found.into_iter(), |item| estate.body(item)))
    }

    fn unregistered(&self, owner: Owner, name: &str, namespace: &Namespace) -> Answer {
        if let Some(own) = &namespace.unregistered {
            return Answer::error(own.status, &own.code, &own.message);
        }
        let message = format!(
            "The subscription is not registered to use namespace '{name}'. See https://aka.ms/rps-not-found for how to register \
             subscriptions."
        );
        let code = "MissingSubscriptionRegistration";
        let details = json!([{"code": code, "target": name, "message": message}]);
        let target = self.service.estate.subscription_id(owner);
        Answer::json(409, &json!({"error": {"code": code, "message": message, "target": target, "details": details}}))
    }
}

fn is_management_group(scope: &str) -> bool {
    scope.to_lowercase().starts_with("/providers/microsoft.management/managementgroups/")
}

fn with_type(mut body: Value, type_name: &str) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.insert("type".to_owned(), type_name.into());
    }
    body
}
