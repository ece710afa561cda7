//! From the scopes that roles are assigned at to what of the store lies there.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::{ArmId, Scope as Place, native_id_of};
use skywarden_policy::{Hierarchy, Scope};

use crate::{
    Places, ScopeFilter, Share, Store, StoreError,
    commit::{json, key},
    pool::on_pool,
};

/// What an id of the ARM face begins with after its resource group.
const CONNECTORS: &str = "/providers/microsoft.security/securityconnectors/";

/// (id, connector, account, resource group, resource group in small letters) of a resource.
type Found = (String, String, String, String, String);

/// Connector and account of the subscriptions that a name means; an account has two names, and two connectors may know one account.
type Named = BTreeMap<String, BTreeSet<(String, String)>>;

/// Scopes, by how they are found in the store; all in small letters.
#[derive(Default)]
struct Wanted {
    subscriptions: BTreeSet<String>,
    /// (subscription, group)
    groups: BTreeSet<(String, String)>,
    /// (subscription, group, connector): what a connector has in a group.
    connectors: BTreeSet<(String, String, String)>,
    resources: BTreeSet<String>,
}

impl Store {
    /// What lies at some scopes or below them: the whole of an account, a resource group, single resources. A scope at which there is
    /// nothing, or that is none, adds nothing.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn filter_of(&self, scopes: &BTreeSet<&Scope>) -> Result<ScopeFilter, StoreError> {
        if scopes.contains(&Scope::Tenant) {
            return Ok(ScopeFilter::All);
        }
        if scopes.is_empty() {
            return Ok(ScopeFilter::accounts([]));
        }
        let kept = self.policy_library().await?;
        let wanted = Wanted::of(scopes, &kept.library.governance.hierarchy);
        let named = self.accounts_named(&wanted.names()).await?;
        let pairs = |name: &str| named.get(name).into_iter().flatten();
        let mut shares: BTreeMap<(String, String), Share> = BTreeMap::new();
        for pair in wanted.subscriptions.iter().flat_map(|name| pairs(name)) {
            shares.insert(pair.clone(), Share::Whole);
        }
        for (name, group) in &wanted.groups {
            pairs(name).for_each(|pair| add_group(&mut shares, pair, group));
        }
        for (name, group, connector) in &wanted.connectors {
            let own = pairs(name).filter(|(own, _)| key(own) == *connector);
            own.for_each(|pair| add_group(&mut shares, pair, group));
        }
        let mut found = self.resources_named(&wanted.resources).await?;
        found.extend(self.resources_below(&wanted.resources, &named).await?);
        for (id, connector, account, _, group) in found {
            add(&mut shares, &(connector, account), |places| {
                if !places.groups.contains(&group) {
                    places.resources.insert(id, group);
                }
            });
        }
        Ok(ScopeFilter::of(shares))
    }

    /// The first account of a name, its own or the id that the ARM face gives it in any case, of which anything may be seen.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn account_named(&self, filter: &ScopeFilter, name: &str) -> Result<Option<(String, String)>, StoreError> {
        let name = key(name);
        let named = self.accounts_named(&[name.as_str()].into()).await?;
        let found = named.into_values().flatten().find(|(connector, account)| filter.shows(connector, account));
        Ok(found)
    }

    /// Connector and account of what was ever assessed under each of some names in small letters: an account's own, or the id that
    /// the ARM face gives it.
    async fn accounts_named(&self, names: &BTreeSet<&str>) -> Result<Named, StoreError> {
        let rows: Vec<[&str; 1]> = names.iter().map(|name| [*name]).collect();
        let wanted = self.pool.rows(1, &["name"]);
        let statement = format!(
            "SELECT w.name, a.connector, a.account FROM {wanted} w JOIN accounts a ON a.account_key = w.name
             UNION SELECT w.name, a.connector, a.account FROM {wanted} w JOIN accounts a ON a.subscription = w.name"
        );
        let mut named = Named::new();
        if rows.is_empty() {
            return Ok(named);
        }
        let found: Vec<(String, String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(json(&rows)?)
                .fetch_all(pool).await.map_err(StoreError::statement("looking for accounts"))?
        });
        for (name, connector, account) in found {
            named.entry(name).or_default().insert((connector, account));
        }
        Ok(named)
    }

    /// The resources that scopes name themselves: by their own ids, or by those that the ARM face gives them.
    async fn resources_named(&self, scopes: &BTreeSet<String>) -> Result<Vec<Found>, StoreError> {
        let entities: BTreeMap<String, &str> = scopes.iter().filter_map(|scope| Some((entity(scope)?, scope.as_str()))).collect();
        let names: Vec<[&str; 1]> = scopes.iter().map(|scope| [scope.as_str()]).collect();
        let ids: Vec<[&str; 1]> = entities.keys().map(|id| [id.as_str()]).collect();
        let statement = format!(
            "SELECT r.id, r.connector, r.account, r.resource_group, r.group_key FROM {} w JOIN resources r ON LOWER(r.id) = w.id
             UNION SELECT r.id, r.connector, r.account, r.resource_group, r.group_key FROM {} w JOIN resources r ON r.id = w.id",
            self.pool.rows(1, &["id"]),
            self.pool.rows(2, &["id"]),
        );
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Found> = on_pool!(&self.pool, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(json(&names)?).bind(json(&ids)?)
                .fetch_all(pool).await.map_err(StoreError::statement("looking for resources"))?
        });
        // An id of the ARM face says where the resource lies too, and means nothing if it does not lie there.
        found.retain(|(id, connector, account, group, _)| {
            let place = Place {
                connector: connector.as_str().into(),
                account: account.as_str().into(),
                resource_group: group.as_str().into(),
            };
            let is_entity =
                entities.get(id).is_some_and(|scope| key(ArmId::of_parts(&id.as_str().into(), &place).as_str()) == **scope);
            is_entity || scopes.contains(&key(id))
        });
        Ok(found)
    }

    /// The resources below resources that scopes name: what ARM nests in them.
    async fn resources_below(&self, scopes: &BTreeSet<String>, named: &Named) -> Result<Vec<Found>, StoreError> {
        let (mut in_groups, mut in_accounts) = (Vec::new(), Vec::new());
        for scope in scopes.iter().filter(|scope| entity(scope).is_none()) {
            let Some((subscription, group)) = subscription_and_group(scope) else { continue };
            for (connector, account) in named.get(subscription).into_iter().flatten() {
                let row = [connector.as_str(), account.as_str(), group.unwrap_or_default()].map(str::to_owned);
                let [connector, account, group_key] = row;
                let rows = if group.is_some() { &mut in_groups } else { &mut in_accounts };
                rows.push([connector, account, group_key, format!("{scope}/")]);
            }
        }
        let mut found = Vec::new();
        for (rows, more) in [(in_groups, " AND r.group_key = w.group_key"), (in_accounts, "")] {
            if rows.is_empty() {
                continue;
            }
            let statement = format!(
                "SELECT r.id, r.connector, r.account, r.resource_group, r.group_key
                 FROM {} w JOIN resources r ON r.connector = w.connector AND r.account = w.account{more}
                 WHERE SUBSTR(LOWER(r.id), 1, LENGTH(w.start)) = w.start",
                self.pool.rows(1, &["connector", "account", "group_key", "start"])
            );
            let own: Vec<Found> = on_pool!(&self.pool, pool => {
                sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(json(&rows)?)
                    .fetch_all(pool).await.map_err(StoreError::statement("looking for resources"))?
            });
            found.extend(own);
        }
        Ok(found)
    }

    /// Gives accounts that an older version kept the names by which they are found.
    pub(crate) async fn name_accounts(&self) -> Result<(), StoreError> {
        let doing = "naming accounts";
        let unnamed: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, account FROM accounts WHERE subscription = ''")
                .fetch_all(pool).await.map_err(StoreError::statement(doing))?
        });
        for (connector, account) in unnamed {
            let [account_key, subscription] = names(&connector, &account);
            on_pool!(&self.pool, pool => {
                sqlx::query("UPDATE accounts SET account_key = $3, subscription = $4 WHERE connector = $1 AND account = $2")
                    .bind(connector).bind(account).bind(account_key).bind(subscription)
                    .execute(pool).await.map_err(StoreError::statement(doing))?;
            });
        }
        Ok(())
    }
}

/// The two names under which an account is a subscription: its own in small letters, and the one that the ARM face gives it.
pub(crate) fn names(connector: &str, account: &str) -> [String; 2] {
    let place = Place { connector: connector.into(), account: account.into(), resource_group: "".into() };
    [key(account), skywarden_model::subscription_id(&place).to_string()]
}

impl Wanted {
    fn of(scopes: &BTreeSet<&Scope>, hierarchy: &Hierarchy) -> Self {
        let mut wanted = Self::default();
        for scope in scopes {
            // PostgreSQL's texts can't hold it, so nothing is called so.
            if scope.to_string().contains('\0') {
                continue;
            }
            match scope {
                Scope::Tenant => {}
                Scope::ManagementGroup(_) => {
                    let below = hierarchy.placed().filter(|own| hierarchy.above(own).contains(scope));
                    wanted.subscriptions.extend(below.filter_map(|own| match own {
                        Scope::Subscription(name) => Some(name.clone()),
                        _ => None,
                    }));
                }
                Scope::Subscription(name) => {
                    wanted.subscriptions.insert(name.clone());
                }
                Scope::ResourceGroup(name, group) => {
                    wanted.groups.insert((name.clone(), group.clone()));
                }
                Scope::Resource(id) => match connector(id) {
                    Some(own) => {
                        wanted.connectors.insert(own);
                    }
                    None => {
                        wanted.resources.insert(id.clone());
                    }
                },
            }
        }
        wanted
    }

    /// The names of all subscriptions that are meant.
    fn names(&self) -> BTreeSet<&str> {
        let of_groups = self.groups.iter().map(|(name, _)| name.as_str());
        let of_connectors = self.connectors.iter().map(|(name, ..)| name.as_str());
        let of_resources = self.resources.iter().filter_map(|id| subscription_and_group(id)).map(|(name, _)| name);
        self.subscriptions.iter().map(String::as_str).chain(of_groups).chain(of_connectors).chain(of_resources).collect()
    }
}

/// Adds a place to what is seen of an account, unless all of it is.
fn add(shares: &mut BTreeMap<(String, String), Share>, pair: &(String, String), place: impl FnOnce(&mut Places)) {
    let share = shares.entry(pair.clone()).or_insert_with(|| Share::Places(Places::default()));
    if let Share::Places(places) = share {
        place(places);
    }
}

fn add_group(shares: &mut BTreeMap<(String, String), Share>, pair: &(String, String), group: &str) {
    add(shares, pair, |places| {
        places.groups.insert(group.to_owned());
    });
}

/// The subscription and the resource group that an id of ARM in small letters begins with.
fn subscription_and_group(id: &str) -> Option<(&str, Option<&str>)> {
    let rest = id.strip_prefix("/subscriptions/")?;
    let (subscription, rest) = rest.split_once('/')?;
    let group = rest.strip_prefix("resourcegroups/").and_then(|rest| rest.split('/').next());
    Some((subscription, group))
}

/// What stands behind the part of an id of the ARM face that names its subscription and group.
fn behind_group(id: &str) -> Option<(&str, &str, &str)> {
    let (subscription, group) = subscription_and_group(id)?;
    let group = group?;
    let start = format!("/subscriptions/{subscription}/resourcegroups/{group}");
    Some((subscription, group, id.strip_prefix(&start)?.strip_prefix(CONNECTORS)?))
}

/// The native id inside an id that the ARM face gives a resource; `None` for other ids and for what lies below one.
fn entity(id: &str) -> Option<String> {
    let (_, _, rest) = behind_group(id)?;
    let mut steps = rest.split('/');
    let is_whole =
        matches!((steps.next(), steps.next(), steps.next(), steps.next()), (Some(_), Some("securityentitydata"), Some(_), None));
    if is_whole { native_id_of(id).ok().map(|id| id.as_str().to_owned()) } else { None }
}

/// (subscription, group, connector) of an id that names what a connector has in a group.
fn connector(id: &str) -> Option<(String, String, String)> {
    let (subscription, group, rest) = behind_group(id)?;
    (!rest.contains('/')).then(|| (subscription.to_owned(), group.to_owned(), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_arm_face_are_taken_apart() {
        let place = Place { connector: "AWS-1".into(), account: "1".into(), resource_group: "EU-West-1".into() };
        let id = key(ArmId::of_parts(&"arn:aws:s3:::Bucket".into(), &place).as_str());
        assert_eq!(entity(&id).as_deref(), Some("arn:aws:s3:::Bucket"));
        assert_eq!(
            entity(&format!("{id}/providers/microsoft.security/assessments/x")),
            None,
            "what lies below is not the resource"
        );
        let (above, _) = id.split_once("/securityentitydata").unwrap();
        let [_, subscription] = names("AWS-1", "1");
        assert_eq!(connector(above), Some((subscription.clone(), "eu-west-1".to_owned(), "aws-1".to_owned())));
        assert_eq!((entity(above), connector(&id)), (None, None));
        let native = "/subscriptions/s/resourcegroups/g/providers/microsoft.sql/servers/x";
        assert_eq!((entity(native), connector(native), subscription_and_group(native)), (None, None, Some(("s", Some("g")))));
        assert_eq!(subscription_and_group("/subscriptions/s/providers/a.b/c/d"), Some(("s", None)));
        assert_eq!(subscription_and_group("arn:aws:s3:::x"), None);
    }
}
