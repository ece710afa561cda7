//! Accounts of an AWS organisation: one connector leads to all of them, each of which is a connector of its own.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_collect::{Organization, OrganizationAccount, organization};
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, setting};
use skywarden_store::{ScopeFilter, Store};

use crate::{
    arguments::{AwsLogin, OrganizationArguments},
    source,
};

/// The role that is assumed in each account where no other is named; docs/guide/aws.md has the stack set that makes it.
pub(crate) const MEMBER_ROLE: &str = "SkywardenReader";

/// The setting of a connector with accounts that are left out.
const EXCEPT: &str = "exceptAccounts";

/// Whether a connector came with an organisation.
pub(crate) fn is_member(connector: &Connector) -> bool {
    connector.settings.contains_key(setting::MEMBER_OF)
}

/// The settings of an organisation's connector besides its login.
pub(crate) fn settings(arguments: &OrganizationArguments) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([(setting::MEMBER_ROLE.to_owned(), arguments.member_role.clone())]);
    if !arguments.except_accounts.is_empty() {
        settings.insert(EXCEPT.to_owned(), arguments.except_accounts.join(","));
    }
    settings
}

/// The login to an account of an organisation; the login's own account needs no role.
pub(crate) fn member_login(own: &AwsLogin, organization: &Organization, account: &str, role: &str) -> AwsLogin {
    if account == organization.own_account {
        return own.clone();
    }
    AwsLogin { role: Some(format!("arn:{}:iam::{account}:role/{role}", organization.partition)), ..own.clone() }
}

/// What became of the accounts of an organisation since the last time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// Accounts that are new.
    pub(crate) joined: Vec<String>,
    /// Accounts that have left, were closed or suspended, or are left out now; their connectors are gone.
    pub(crate) left: Vec<String>,
}

/// Brings the connectors of an organisation's accounts up to date.
///
/// # Errors
/// If the accounts could not be listed to the last; then nothing changes.
pub(crate) async fn refresh(
    store: &Store,
    catalog: &Catalog,
    connector: &Connector,
    own: &AwsLogin,
) -> anyhow::Result<Refreshed> {
    let found = organization(catalog, source::live(own).await?).await?;
    let known = store.connectors(&ScopeFilter::All).await?;
    let plan = plan(connector, &known, &found);
    let mut refreshed = Refreshed::default();
    for (account, is_new) in plan.wanted {
        store.put_connector(&member(connector, own, &found, account)).await?;
        if is_new {
            refreshed.joined.push(account.id.clone());
        }
    }
    for id in plan.left {
        store.remove_connector(&id).await?;
        refreshed.left.push(id);
    }
    Ok(refreshed)
}

struct Plan<'a> {
    /// Accounts to be connected, with whether they are new.
    wanted: Vec<(&'a OrganizationAccount, bool)>,
    /// Ids of connectors that lead nowhere any more.
    left: Vec<String>,
}

fn plan<'a>(connector: &Connector, known: &[Connector], found: &'a Organization) -> Plan<'a> {
    let except: BTreeSet<&str> = connector.settings.get(EXCEPT).map(|list| list.split(',').collect()).unwrap_or_default();
    let own_id = connector.id.as_str();
    let is_own = |other: &&Connector| other.is_member_of(own_id);
    let account_of = |other: &Connector| other.settings.get("account").cloned().unwrap_or_default();
    // An account that somebody connected by itself stays with the login that was chosen for it.
    let elsewhere: BTreeSet<String> =
        known.iter().filter(|other| !is_own(other) && other.id != connector.id).map(account_of).collect();
    let members: BTreeMap<String, &Connector> = known.iter().filter(is_own).map(|other| (account_of(other), other)).collect();
    let mut wanted = Vec::new();
    for account in &found.accounts {
        let is_wanted = account.is_active && !except.contains(account.id.as_str()) && !elsewhere.contains(&account.id);
        if is_wanted {
            wanted.push((account, !members.contains_key(&account.id)));
        }
    }
    let stays = |account: &str| wanted.iter().any(|(wanted, _)| wanted.id == account);
    let left = members.iter().filter(|(account, _)| !stays(account)).map(|(_, other)| other.id.to_string()).collect();
    Plan { wanted, left }
}

fn member(connector: &Connector, own: &AwsLogin, found: &Organization, account: &OrganizationAccount) -> Connector {
    let role = connector.settings.get(setting::MEMBER_ROLE).map_or(MEMBER_ROLE, String::as_str);
    let login = member_login(own, found, &account.id, role);
    let mut settings = crate::connect::settings(&login, &account.id);
    settings.insert(setting::MEMBER_OF.to_owned(), connector.id.to_string());
    let name = if account.name.is_empty() { "without a name" } else { &account.name };
    Connector {
        id: format!("aws-{}", account.id).as_str().into(),
        environment: Environment::Aws,
        display_name: format!("AWS account {} ({name})", account.id),
        sample: false,
        settings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(id: &str, settings: &[(&str, &str)]) -> Connector {
        Connector {
            id: id.into(),
            environment: Environment::Aws,
            display_name: id.to_owned(),
            sample: false,
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn found(accounts: &[(&str, bool)]) -> Organization {
        let account = |(id, is_active): &(&str, bool)| OrganizationAccount {
            id: (*id).to_owned(),
            name: String::new(),
            is_active: *is_active,
        };
        Organization {
            own_account: "1".to_owned(),
            partition: "aws".to_owned(),
            accounts: accounts.iter().map(account).collect(),
        }
    }

    #[test]
    fn accounts_join_and_leave_and_those_connected_elsewhere_stay_there() {
        let own = connector("org", &[(setting::MEMBER_ROLE, "r"), (EXCEPT, "5")]);
        let known = [
            own.clone(),
            connector("aws-2", &[("account", "2"), (setting::MEMBER_OF, "org")]),
            connector("aws-3", &[("account", "3"), (setting::MEMBER_OF, "org")]),
            connector("mine", &[("account", "4")]),
            connector("aws-6", &[("account", "6"), (setting::MEMBER_OF, "org")]),
            connector("aws-9", &[("account", "9"), (setting::MEMBER_OF, "other")]),
        ];
        let found = found(&[("1", true), ("2", true), ("3", false), ("4", true), ("5", true), ("7", true)]);
        let plan = plan(&own, &known, &found);
        let wanted: Vec<_> = plan.wanted.iter().map(|(account, is_new)| (account.id.as_str(), *is_new)).collect();
        assert_eq!(wanted, [("1", true), ("2", false), ("7", true)]);
        assert_eq!(plan.left, ["aws-3", "aws-6"]);
    }

    #[test]
    fn every_account_but_the_logins_own_is_entered_through_its_role() {
        let own = AwsLogin { profile: Some("p".to_owned()), external_id: Some("x".to_owned()), ..AwsLogin::default() };
        let found = found(&[]);
        assert_eq!(member_login(&own, &found, "1", "r").role, None);
        let other = member_login(&own, &found, "2", "r");
        assert_eq!(other.role.as_deref(), Some("arn:aws:iam::2:role/r"));
        assert_eq!((other.profile, other.external_id), (own.profile, own.external_id));
    }
}
