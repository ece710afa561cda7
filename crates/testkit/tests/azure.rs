//! The server for Azure's wire protocol over HTTP: logins, rights, lists, pages, queries, throttling, faults.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test asks for is there, or the test fails")]

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use skywarden_testkit::azure::{Answer, Bucket, Estate, Matching, Protection, Quota, Server, ServerOptions, Time};

const CONNECTOR: &str = "connector";
const LIMITED: &str = "limited";
const PARTIAL: &str = "partial";
const PLUS: &str = "plus";
const NOBODY: &str = "nobody";

/// Resource Manager's id, and Microsoft Graph's.
const MANAGER: &str = "https://management.azure.com";
const GRAPH: &str = "https://graph.microsoft.com";

/// A server, and who asks it.
struct Asking {
    server: Server,
    client: Client,
    app: &'static str,
    production: String,
    development: String,
}

/// An answer that has been read.
#[derive(Debug)]
struct Found {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Asking {
    async fn start(app: &'static str, estate: Estate, options: ServerOptions) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut subscriptions = estate.subscriptions().into_iter();
        let (production, development) = (subscriptions.next().unwrap(), subscriptions.next().unwrap());
        let server = Server::start(estate, options).await.unwrap();
        Self { server, client: Client::new(), app, production, development }
    }

    async fn sample(app: &'static str) -> Self {
        Self::start(app, Estate::sample().unwrap(), ServerOptions::default()).await
    }

    fn request(&self, path: &str, resource: &str) -> reqwest::RequestBuilder {
        let mark = if path.contains('?') { '&' } else { '?' };
        let address = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("{}{path}{mark}api-version=2024-01-01", self.server.url()),
        };
        self.client.get(address).bearer_auth(self.server.token(self.app, resource).unwrap())
    }

    async fn get(&self, path: &str) -> Found {
        Found::of(self.request(path, MANAGER).send().await.unwrap()).await
    }

    async fn directory(&self, path: &str) -> Found {
        let path = if path.starts_with("http") { path.to_owned() } else { format!("/v1.0/{path}") };
        Found::of(self.request(&path, GRAPH).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Found {
        let address = format!("{}{path}?api-version=2022-10-01", self.server.url());
        let token = self.server.token(self.app, MANAGER).unwrap();
        Found::of(self.client.post(address).bearer_auth(token).json(body).send().await.unwrap()).await
    }

    async fn query(&self, body: Value) -> Found {
        self.post("/providers/Microsoft.ResourceGraph/resources", &body).await
    }

    async fn login(&self, tenant: &str, fields: &[(&str, &str)]) -> Found {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self.client.post(format!("{}/{tenant}/oauth2/v2.0/token", self.server.url()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.finish());
        Found::of(request.send().await.unwrap()).await
    }

    /// Everything of a list, over all its pages.
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut next = path.to_owned();
        let mut values = Vec::new();
        loop {
            let found = self.get(&next).await;
            assert_eq!(found.status, 200, "{next}: {}", found.body);
            values.extend(found.body["value"].as_array().unwrap().iter().cloned());
            match found.body["nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => return values,
            }
        }
    }
}

impl Found {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.json().await.unwrap() }
    }

    fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"]["code"].as_str().unwrap_or_default())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn names(&self) -> Vec<&str> {
        self.body["value"].as_array().unwrap().iter().map(|value| value["name"].as_str().unwrap()).collect()
    }

    /// What a query with `count` counted.
    fn count(&self) -> u64 {
        self.body["data"][0]["Count"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_login_is_answered_as_entra_answers() {
    let asking = Asking::sample(CONNECTOR).await;
    let estate = Estate::sample().unwrap();
    let (tenant, program) = (estate.tenant(), estate.program(CONNECTOR).unwrap());
    let (id, secret) = (program.client_id.as_str(), program.secret.unwrap());
    let login = async |scope: &str, app: &str, secret: &str| {
        let fields = [("grant_type", "client_credentials"), ("scope", scope), ("client_id", app), ("client_secret", secret)];
        asking.login(tenant, &fields).await
    };
    let scope = format!("{MANAGER}/.default");
    let good = login(&scope, id, &secret).await;
    let told = (good.body["token_type"].as_str(), good.body["expires_in"].as_i64());
    assert_eq!((good.status.as_u16(), told), (200, (Some("Bearer"), Some(3599))));
    let wrong = login(&scope, id, "x").await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["error"]), (401, &json!("invalid_client")));
    assert_eq!(wrong.body["error_codes"], json!([7_000_215]));
    assert!(wrong.body["error_description"].as_str().unwrap().starts_with("AADSTS7000215: Invalid client secret provided."));
    let unknown = login(&scope, "somebody", "x").await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["error_codes"]), (400, &json!([700_016])));
    let foreign = login("https://x.example/.default", id, &secret).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body["error_codes"]), (400, &json!([500_011])));
    let elsewhere = asking.login("other.example", &[("grant_type", "client_credentials")]).await;
    assert_eq!((elsewhere.status.as_u16(), &elsewhere.body["error_codes"]), (400, &json!([90002])));
    let log = asking.server.calls();
    assert_eq!(log.len(), 5);
    assert!(log.iter().all(|call| !call.body.contains(&secret)), "{log:?}");
}

#[tokio::test]
async fn a_token_is_for_one_api_and_for_its_time() {
    let asking = Asking::sample(CONNECTOR).await;
    let ask = async |token: Option<String>| {
        let mut request = asking.client.get(format!("{}/subscriptions?api-version=2022-12-01", asking.server.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Found::of(request.send().await.unwrap()).await
    };
    let missing = ask(None).await;
    assert_eq!(missing.code(), (401, "AuthenticationFailed"));
    assert!(missing.header("www-authenticate").starts_with("Bearer authorization_uri="));
    assert_eq!(ask(Some("x.y.z".to_owned())).await.code(), (401, "InvalidAuthenticationToken"));
    assert_eq!(ask(asking.server.token(CONNECTOR, GRAPH)).await.code(), (401, "InvalidAuthenticationTokenAudience"));
    let other = Asking::sample(CONNECTOR).await;
    assert_eq!(ask(other.server.token(CONNECTOR, MANAGER)).await.code(), (401, "InvalidAuthenticationToken"));
    assert_eq!(ask(asking.server.token(CONNECTOR, MANAGER)).await.status, 200);
    let options = ServerOptions { token_lifetime: Duration::ZERO, ..ServerOptions::default() };
    let late = Asking::start(CONNECTOR, Estate::sample().unwrap(), options).await;
    assert_eq!(late.get("/subscriptions").await.code(), (401, "ExpiredAuthenticationToken"));
    assert_eq!(late.directory("users").await.code(), (401, "InvalidAuthenticationToken"));
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let asking = Asking::sample(CONNECTOR).await;
    let (production, development) =
        (format!("/subscriptions/{}", asking.production), format!("/subscriptions/{}", asking.development));
    let web = format!("{production}/resourceGroups/rg-web/providers");
    let cases = [
        ("/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups".to_owned(), (404, "SubscriptionNotFound")),
        ("/subscriptions/x/resourcegroups".to_owned(), (400, "InvalidSubscriptionId")),
        (format!("{production}/resourceGroups/none"), (404, "ResourceGroupNotFound")),
        (format!("{production}/resourceGroups/none/providers/Microsoft.Compute/disks"), (404, "ResourceGroupNotFound")),
        (format!("{web}/Microsoft.Compute/disks/none"), (404, "ResourceNotFound")),
        (format!("{web}/Microsoft.Web/sites/none/functions"), (404, "ParentResourceNotFound")),
        (format!("{production}/providers/Microsoft.Nothing/things"), (404, "InvalidResourceNamespace")),
        (format!("{production}/providers/Microsoft.Compute/things"), (404, "InvalidResourceType")),
        (format!("{development}/providers/Microsoft.ContainerService/managedClusters"), (409, "MissingSubscriptionRegistration")),
        (format!("{development}/providers/Microsoft.Security/pricings"), (404, "Subscription Not Registered")),
    ];
    for (path, expected) in cases {
        let found = asking.get(&path).await;
        assert_eq!(found.code(), expected, "{path}: {}", found.body);
    }
    let empty = asking.get(&format!("{production}/providers/Microsoft.Network/azureFirewalls")).await;
    assert_eq!((empty.status.as_u16(), empty.names().len()), (200, 0));
    let without = asking.get(&format!("{}/subscriptions", asking.server.url())).await;
    assert_eq!(without.code(), (400, "MissingApiVersionParameter"));
}

#[tokio::test]
async fn ids_have_any_case_and_children_are_read_below_their_parents() {
    let asking = Asking::sample(CONNECTOR).await;
    let own = format!("/subscriptions/{}", asking.production);
    let vault = format!("{own}/resourceGroups/rg-data/providers/Microsoft.KeyVault/vaults/kv-fernhollow-data");
    let shouted = asking.get(&vault.to_uppercase()).await;
    assert_eq!((shouted.status.as_u16(), shouted.body["id"].as_str()), (200, Some(vault.as_str())));
    assert_eq!(asking.get(&format!("{vault}/keys")).await.names(), ["disks", "storage"]);
    assert_eq!(asking.get(&format!("{vault}/providers/Microsoft.Insights/diagnosticSettings")).await.names(), ["to-workspace"]);
    // A subscription's own settings, not those of what lies in it.
    assert_eq!(asking.get(&format!("{own}/providers/microsoft.insights/diagnosticSettings")).await.names(), ["activity"]);
    assert_eq!(asking.get(&format!("{own}/providers/Microsoft.Security/assessments")).await.names().len(), 22);
    let group = asking.get(&format!("{own}/resourceGroups/RG-Web/providers/Microsoft.Compute/virtualMachines")).await;
    assert_eq!(group.names(), ["vm-web-01", "vm-web-02"]);
    // A scope inside a path may be percent-encoded, slashes and all.
    let encoded = asking.get(&format!("/%2Fsubscriptions%2F{}/providers/Microsoft.Security/pricings", asking.production)).await;
    assert_eq!(encoded.names().len(), 16);
    // The state of a machine has the path of a list and is one object; a list beside it stays one.
    let machine = format!("{own}/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-web-01");
    let view = asking.get(&format!("{machine}/instanceView")).await;
    assert_eq!(view.body["patchStatus"]["availablePatchSummary"]["criticalAndSecurityPatchCount"], 12);
    assert_eq!(asking.get(&format!("{machine}/extensions")).await.names(), Vec::<String>::new());
}

#[tokio::test]
async fn rights_come_from_role_assignments() {
    // By a role in one resource group, and in the other subscription by a group that it is in.
    let limited = Asking::sample(LIMITED).await;
    let (production, development) =
        (format!("/subscriptions/{}", limited.production), format!("/subscriptions/{}", limited.development));
    let machines = format!("{production}/providers/Microsoft.Compute/virtualMachines");
    let refused = limited.get(&machines).await;
    assert_eq!(refused.code(), (403, "AuthorizationFailed"));
    let message = refused.body["error"]["message"].as_str().unwrap();
    let client_id = Estate::sample().unwrap().program(LIMITED).unwrap().client_id;
    for part in [client_id.as_str(), "'Microsoft.Compute/virtualMachines/read'", &format!("scope '{production}'")] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(limited.get(&format!("{production}/resourcegroups")).await.names(), ["rg-web"]);
    let elsewhere = limited.get(&format!("{development}/providers/Microsoft.Compute/virtualMachines")).await;
    assert_eq!(elsewhere.names(), ["vm-dev-01"]);
    let permissions = async |scope: &str| {
        let found = limited.get(&format!("{scope}/providers/Microsoft.Authorization/permissions")).await;
        found.body["value"].clone()
    };
    assert_eq!(permissions(&production).await, json!([]));
    assert_eq!(permissions(&format!("{production}/resourceGroups/rg-web")).await[0]["actions"], json!(["*/read"]));
    // By a role with `notActions`, and a deny assignment.
    let partial = Asking::sample(PARTIAL).await;
    assert_eq!(partial.get(&machines).await.names().len(), 3);
    let vaults = partial.get(&format!("{production}/providers/Microsoft.KeyVault/vaults")).await;
    assert_eq!(vaults.code(), (403, "AuthorizationFailed"));
    let workspace = "resourceGroups/rg-monitor/providers/Microsoft.OperationalInsights/workspaces/log-fernhollow";
    assert_eq!(partial.get(&format!("{production}/{workspace}")).await.code(), (403, "AuthorizationFailed"));
    assert_eq!(limited.get("/subscriptions").await.body["count"]["value"], 2);
    assert_eq!(partial.get("/subscriptions").await.body["count"]["value"], 1);
    let nobody = Asking::sample(NOBODY).await;
    assert_eq!(nobody.get("/subscriptions").await.body["value"], json!([]));
    let refused = nobody.query(json!({"query": "resources"})).await;
    assert_eq!(refused.body["error"]["details"][0]["code"], "NoValidSubscriptionsInQueryRequest");
}

#[tokio::test]
async fn what_may_not_be_read_is_left_out_of_queries_without_a_word() {
    let (partial, connector) = (Asking::sample(PARTIAL).await, Asking::sample(CONNECTOR).await);
    let types = "'microsoft.keyvault/vaults', 'microsoft.operationalinsights/workspaces'";
    let query = json!({"query": format!("resources | where type in ({types}) | count")});
    assert_eq!(partial.query(query.clone()).await.count(), 0);
    assert_eq!(connector.query(query).await.count(), 3);
    let filter = "$filter=resourceType%20eq%20'Microsoft.KeyVault/vaults'";
    let listed = partial.all(&format!("/subscriptions/{}/resources?{filter}", partial.production)).await;
    assert_eq!(listed, Vec::<Value>::new());
}

#[tokio::test]
async fn actions_are_rights_of_their_own() {
    let site = "resourceGroups/rg-web/providers/Microsoft.Web/sites/fernhollow-shop";
    let ask = async |app: &'static str| {
        let asking = Asking::sample(app).await;
        asking.post(&format!("/subscriptions/{}/{site}/config/appsettings/list", asking.production), &json!({})).await
    };
    let refused = ask(CONNECTOR).await;
    assert_eq!(refused.code(), (403, "AuthorizationFailed"));
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("'Microsoft.Web/sites/config/list/action'"));
    assert_eq!(ask(PLUS).await.body["properties"]["NODE_ENV"], "production");
}

#[tokio::test]
async fn roles_are_listed_at_above_and_below() {
    let asking = Asking::sample(CONNECTOR).await;
    let own = format!("/subscriptions/{}", asking.production);
    let scopes = async |filter: &str| {
        let all = asking.all(&format!("{own}/providers/Microsoft.Authorization/roleAssignments{filter}")).await;
        all.iter().map(|value| value["properties"]["scope"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at_scope = scopes("?$filter=atScope()").await;
    let is_above = |scope: &str| scope == own || scope.starts_with("/providers/Microsoft.Management/managementGroups/");
    assert!(at_scope.iter().all(|scope| is_above(scope)));
    assert!(at_scope.contains(&own));
    let everything = scopes("").await;
    assert!(everything.len() > at_scope.len() && everything.iter().any(|scope| scope.contains("/resourceGroups/")));
    let limited = Estate::sample().unwrap().program(LIMITED).unwrap().object_id;
    let filter = format!("?$filter=assignedTo('{limited}')");
    assert_eq!(scopes(&filter).await, [format!("{own}/resourceGroups/rg-web")]);
    let exactly = scopes("?$filter=atExactScope()").await;
    assert!(!exactly.is_empty() && exactly.iter().all(|scope| *scope == own));
    let definitions = format!("{own}/providers/Microsoft.Authorization/roleDefinitions");
    assert_eq!(asking.all(&format!("{definitions}?$filter=type%20eq%20'CustomRole'")).await.len(), 3);
    let reader = asking.get(&format!("{definitions}/acdd72a7-3385-48ef-bd42-f606fba81ae7")).await;
    assert_eq!(reader.body["properties"]["roleName"], "Reader");
}

#[tokio::test]
async fn management_groups_are_a_tree() {
    let asking = Asking::sample(CONNECTOR).await;
    let base = "/providers/Microsoft.Management/managementGroups";
    assert_eq!(asking.get(base).await.names(), ["fernhollow", "fernhollow-production", "fernhollow-sandbox"]);
    let tree = asking.get(&format!("{base}/fernhollow?$expand=children&$recurse=true")).await;
    assert_eq!(tree.body.pointer("/properties/children/0/children/0/name").unwrap(), &json!(asking.production));
    let below = asking.get(&format!("{base}/fernhollow/descendants")).await;
    assert_eq!(below.names(), ["fernhollow-production", "fernhollow-sandbox", &asking.production, &asking.development]);
    let entities = asking.post("/providers/Microsoft.Management/getEntities", &json!({})).await;
    assert_eq!((&entities.body["count"], entities.names().len()), (&json!(5), 5));
    let partial = Asking::sample(PARTIAL).await;
    assert_eq!(partial.get(&format!("{base}/fernhollow")).await.code(), (403, "AuthorizationFailed"));
}

#[tokio::test]
async fn pages_fit_together() {
    let options = ServerOptions { page: 7, ..ServerOptions::default() };
    let asking = Asking::start(CONNECTOR, Estate::sample().unwrap().copies(1000), options).await;
    let mut ids: Vec<String> = Vec::new();
    for subscription in [&asking.production, &asking.development] {
        let all = asking.all(&format!("/subscriptions/{subscription}/providers/Microsoft.Network/networkInterfaces")).await;
        ids.extend(all.iter().map(|value| value["id"].as_str().unwrap().to_lowercase()));
    }
    let mut asked = Vec::new();
    let mut token = Value::Null;
    loop {
        let query = "resources | where type =~ 'Microsoft.Network/networkInterfaces' | project id";
        let answer = asking.query(json!({"query": query, "options": {"$top": 13, "$skipToken": token}})).await.body;
        asked.extend(answer["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_lowercase()));
        token = answer["$skipToken"].clone();
        if token.is_null() {
            break;
        }
    }
    ids.sort();
    asked.sort();
    assert_eq!(ids, asked);
    ids.dedup();
    assert_eq!((ids.len(), asked.len()), (60, 60));
    // Every id that is told can be read, and tells itself.
    for id in &ids {
        assert!(asking.get(id).await.body["id"].as_str().unwrap().eq_ignore_ascii_case(id));
    }
}

#[tokio::test]
async fn copies_are_as_many_as_wanted_and_refer_to_each_other() {
    let sample = Estate::sample().unwrap();
    assert_eq!((sample.n_resources(), sample.subscriptions().len()), (67, 2));
    for n in [1, 66, 67, 68, 3400] {
        let estate = sample.copies(n);
        assert_eq!(estate.n_resources(), n);
        let asking = Asking::start(CONNECTOR, estate, ServerOptions::default()).await;
        let counted = asking.query(json!({"query": "resources | summarize n = count(), ids = dcount(tolower(id))"})).await;
        assert_eq!(counted.body["data"], json!([{"n": n, "ids": n}]));
    }
    let asking = Asking::start(CONNECTOR, sample.copies(3400), ServerOptions::default()).await;
    assert_eq!(asking.get("/subscriptions").await.body["count"]["value"], 4);
    let query = "resources | where name == 'vm-web-01' | order by id desc | project id, properties";
    let machine = asking.query(json!({"query": query, "options": {"$top": 1}})).await.body["data"][0].clone();
    let card = machine.pointer("/properties/networkProfile/networkInterfaces/0/id").unwrap().as_str().unwrap();
    assert_eq!(asking.get(card).await.body["properties"]["virtualMachine"]["id"], machine["id"]);
}

#[tokio::test]
async fn queries_have_scopes() {
    let asking = Asking::sample(CONNECTOR).await;
    let query = "resources | count";
    let whole = asking.query(json!({"query": query})).await.count();
    let first = asking.query(json!({"query": query, "subscriptions": [asking.production]})).await.count();
    let second = asking.query(json!({"query": query, "subscriptions": [asking.development.to_uppercase()]})).await.count();
    assert_eq!((whole, first + second), (67, 67));
    assert_eq!(asking.query(json!({"query": query, "managementGroups": ["fernhollow-sandbox"]})).await.count(), second);
    let assigned = "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | count";
    let scoped = async |filter: &str| {
        let options = json!({"authorizationScopeFilter": filter});
        asking.query(json!({"query": assigned, "subscriptions": [asking.production], "options": options})).await.count()
    };
    let (exact, below) = (scoped("AtScopeExact").await, scoped("AtScopeAndBelow").await);
    let (above, both) = (scoped("AtScopeAndAbove").await, scoped("AtScopeAboveAndBelow").await);
    assert!(exact < below && exact < above, "{exact} {below} {above}");
    assert_eq!(both, below + above - exact);
}

#[tokio::test]
async fn answers_to_queries_have_formats_and_ends() {
    let asking = Asking::sample(CONNECTOR).await;
    let query = "resources | project id, properties | limit 2";
    let table = asking.query(json!({"query": query, "options": {"resultFormat": "table"}})).await.body;
    assert_eq!(table["data"]["columns"], json!([{"name": "id", "type": "string"}, {"name": "properties", "type": "object"}]));
    assert_eq!(table["data"]["rows"].as_array().unwrap().len(), 2);
    // Without an id, or with a limit, there is no way to the next page.
    for query in ["resources | project name", "resources | project id | limit 50"] {
        let cut = asking.query(json!({"query": query, "options": {"$top": 10}})).await.body;
        assert_eq!(
            (&cut["resultTruncated"], &cut["$skipToken"], &cut["count"]),
            (&json!("true"), &Value::Null, &json!(10)),
            "{query}"
        );
    }
    // Rows that nobody ordered come in another order each time; with an order they do not.
    let skipping = async |query: &str| {
        let body = asking.query(json!({"query": query, "options": {"$top": 5, "$skip": 3}})).await.body;
        body["data"].clone()
    };
    assert_ne!(skipping("resources | project id").await, skipping("resources | project id").await);
    let ordered = "resources | project id | order by id asc";
    assert_eq!(skipping(ordered).await, skipping(ordered).await);
    let bad = asking.query(json!({"query": "resources | where"})).await;
    assert_eq!(bad.code(), (400, "BadRequest"));
    let details = &bad.body["error"]["details"];
    assert_eq!((&details[0]["code"], &details[1]["characterPositionInLine"]), (&json!("InvalidQuery"), &json!(18)));
    assert_eq!(asking.query(json!({"query": "resources", "options": {"$top": 1001}})).await.code(), (400, "BadRequest"));
    let row = asking.query(json!({"query": "resources | where name == 'lb-web'"})).await.body["data"][0].clone();
    assert_eq!((&row["type"], &row["resourceGroup"]), (&json!("microsoft.network/loadbalancers"), &json!("rg-web")));
    assert_eq!((&row["kind"], &row["plan"]), (&json!(""), &Value::Null));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let options = ServerOptions {
        reads: Bucket { size: 3, refill_per_second: 0 },
        queries: Quota { calls: 2, window: Duration::from_secs(3600) },
        ..ServerOptions::default()
    };
    let asking = Asking::start(CONNECTOR, Estate::sample().unwrap(), options).await;
    let path = format!("/subscriptions/{}/resourcegroups", asking.production);
    for left in ["2", "1", "0"] {
        assert_eq!(asking.get(&path).await.header("x-ms-ratelimit-remaining-subscription-reads"), left);
    }
    let refused = asking.get(&path).await;
    assert_eq!((refused.code(), refused.header("retry-after")), ((429, "SubscriptionRequestsThrottled"), "1"));
    assert_eq!(asking.get(&format!("/subscriptions/{}/resourcegroups", asking.development)).await.status, 200);
    let ask = async || asking.query(json!({"query": "resources | count"})).await;
    let first = ask().await;
    let told = (first.header("x-ms-user-quota-remaining"), first.header("x-ms-user-quota-resets-after"));
    assert_eq!(told, ("1", "01:00:00"));
    assert_eq!(ask().await.header("x-ms-user-quota-remaining"), "0");
    let refused = ask().await;
    assert_eq!(refused.code(), (429, "RateLimiting"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 3500);
}

#[tokio::test]
async fn faults_come_as_often_as_asked_for() {
    let asking = Asking::sample(CONNECTOR).await;
    let path = format!("/subscriptions/{}/providers/Microsoft.Compute/disks", asking.production);
    asking.server.fault(Matching::path("*/Microsoft.Compute/disks").method("get"), Answer::throttled(7), 1);
    asking.server.fault(Matching::path("*/microsoft.compute/*"), Answer::error(500, "InternalServerError", "It broke."), 1);
    let first = asking.get(&path).await;
    assert_eq!((first.status.as_u16(), first.header("retry-after")), (429, "7"));
    assert_eq!(asking.get(&path).await.code(), (500, "InternalServerError"));
    assert_eq!(asking.get(&path).await.status, 200);
    asking.server.fault(Matching::path("*/disks"), Answer::cut(), 1);
    assert!(asking.request(&path, MANAGER).send().await.unwrap().bytes().await.is_err());
    asking.server.fault(Matching::path("*/disks"), Answer::html(502), 1);
    assert!(asking.request(&path, MANAGER).send().await.unwrap().text().await.unwrap().starts_with("<html>"));
    let seen: Vec<u16> = asking.server.calls().iter().map(|call| call.status).collect();
    assert_eq!(seen, [429, 500, 200, 200, 502]);
    asking.server.fault(Matching::path("*/disks"), Answer::silence(), 3);
    assert!(asking.request(&path, MANAGER).send().await.is_err());
}

#[tokio::test]
async fn the_activity_log_is_asked_by_time() {
    let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
    let options = ServerOptions { time: Time::At(now), ..ServerOptions::default() };
    let asking = Asking::start(CONNECTOR, Estate::sample().unwrap(), options).await;
    let values = format!("/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values", asking.production);
    let from = |time: &str| format!("{values}?$filter=eventTimestamp%20ge%20'{time}'");
    let all = asking.all(&from("2026-09-15T00:00:00Z")).await;
    let times: Vec<&str> = all.iter().map(|event| event["eventTimestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|left, right| left >= right), "{times:?}");
    assert_eq!((times.len(), times.first()), (7, Some(&"2026-11-30T11:25:00Z")));
    let until = format!("{}%20and%20eventTimestamp%20le%20'2026-11-30T11:00:00Z'", from("2026-11-30T10:00:00Z"));
    assert_eq!(asking.all(&until).await.len(), 1);
    // Without a zone it is UTC.
    assert_eq!(asking.all(&from("2026-11-30T11:24:59.5")).await.len(), 1);
    assert_eq!(asking.get(&from("2026-01-01T00:00:00Z")).await.code(), (400, "BadRequest"));
    assert_eq!(asking.get(&format!("{values}?$filter=status%20eq%20'Failed'")).await.code(), (400, "BadRequest"));
}

#[tokio::test]
async fn the_directory_asks_for_permissions() {
    let asking = Asking::sample(CONNECTOR).await;
    let first = asking.directory("users?$select=id,displayName&$top=4").await.body;
    assert_eq!(first["value"][0], json!({"id": first["value"][0]["id"], "displayName": "Ada"}));
    let mut n_users = first["value"].as_array().unwrap().len();
    let mut next = first["@odata.nextLink"].clone();
    while let Some(link) = next.as_str() {
        let page = asking.directory(link).await.body;
        n_users += page["value"].as_array().unwrap().len();
        next = page["@odata.nextLink"].clone();
    }
    assert_eq!(n_users, 9);
    let groups = asking.directory("groups?$filter=displayName%20eq%20'Platform owners'").await.body;
    assert_eq!(groups["value"][0]["$members"], Value::Null);
    let group = groups["value"][0]["id"].as_str().unwrap();
    let members =
        async |kind: &str| asking.directory(&format!("groups/{group}/{kind}")).await.body["value"].as_array().unwrap().len();
    assert_eq!((members("members").await, members("transitiveMembers").await), (2, 4));
    assert_eq!(asking.directory("users?$filter=startswith(displayName,'A')").await.code(), (400, "Request_UnsupportedQuery"));
    assert_eq!(asking.directory("users/none").await.code(), (404, "Request_ResourceNotFound"));
    assert_eq!(asking.directory("policies/authorizationPolicy").await.body["allowInvitesFrom"], "everyone");
    let partial = Asking::sample(PARTIAL).await;
    assert_eq!(partial.directory("users").await.status, 200);
    assert_eq!(partial.directory("groups").await.code(), (403, "Authorization_RequestDenied"));
}

#[tokio::test]
async fn it_speaks_tls_by_an_authority_of_its_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = ServerOptions { protection: Protection::Tls, ..ServerOptions::default() };
    let server = Server::start(Estate::sample().unwrap(), options).await.unwrap();
    let authority = reqwest::Certificate::from_pem(server.authority().unwrap().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([authority]).build().unwrap();
    let endpoints = client.get(format!("{}/metadata/endpoints?api-version=2022-09-01", server.url())).send().await.unwrap();
    let endpoints: Value = endpoints.json().await.unwrap();
    assert_eq!(endpoints["resourceManager"], format!("{}/", server.url()));
    assert!(Client::new().get(server.url()).send().await.is_err());
}

#[tokio::test]
async fn what_tests_change_is_there_at_once_and_told_by_resource_graph() {
    let time = Time::At("2027-01-01T00:00:00Z".parse().unwrap());
    let asking = Asking::start(CONNECTOR, Estate::sample().unwrap(), ServerOptions { time, ..ServerOptions::default() }).await;
    let query = "resourcechanges | extend at = todatetime(properties.changeAttributes.timestamp) \
                 | where at >= todatetime('2026-12-31T23:59:00Z') | project id, at, resource = tostring(properties.targetResourceId), \
                 kind = tostring(properties.changeType) | order by id asc";
    let told = async || -> Vec<(String, String)> {
        let body = json!({ "query": query, "subscriptions": [asking.production] });
        let address = format!("{}/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01", asking.server.url());
        let token = asking.server.token(CONNECTOR, MANAGER).unwrap();
        let answer: Value =
            asking.client.post(address).bearer_auth(token).json(&body).send().await.unwrap().json().await.unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        answer["data"].as_array().unwrap().iter().map(|row| (text(row, "resource"), text(row, "kind"))).collect()
    };
    assert!(told().await.is_empty());
    let group = format!(
        "/subscriptions/{}/resourceGroups/rg-web/providers/Microsoft.Network/networkSecurityGroups/nsg-web",
        asking.production
    );
    let mut object = asking.server.object(&group.to_uppercase()).unwrap();
    object["properties"]["provisioningState"] = json!("Updating");
    asking.server.put(&object).unwrap();
    let read: Value = asking.request(&group, MANAGER).send().await.unwrap().json().await.unwrap();
    assert_eq!(read["properties"]["provisioningState"], "Updating");
    asking.server.delete(&group).unwrap();
    assert_eq!(asking.request(&group, MANAGER).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert!(asking.server.delete(&group).is_err() && asking.server.put(&json!({})).is_err());
    assert_eq!(told().await, [(group.clone(), "Update".to_owned()), (group, "Delete".to_owned())]);
}
