//! `skywarden access ...` and `skywarden audit ...`: who may do what, and who did.

use std::{io::Write as _, sync::Arc};

use anyhow::Context as _;
use serde_json::json;
use skywarden_api::NewCredential;
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState, Role, RoleAssignment, built_in_roles};
use skywarden_store::{AuditEntry, AuditQuery, CredentialKind, NewAssignment, Store};

use crate::{
    Ending,
    arguments::{Access, AddProgram, AddUser, Audit, Token},
    estate::{print_rows, with_store},
};

/// Lines that a list of the audit log shows.
const LISTED: u32 = 100;

/// Lines that are exported at once.
const BATCH: u32 = 500;

/// `skywarden access ...`.
pub(crate) fn run(command: &Access) -> anyhow::Result<Ending> {
    match command {
        Access::List(read) => {
            let principals = with_store(read.data.as_deref(), async |store| Ok(store.principals().await?))?;
            let row = |own: &Principal| {
                let state = match own.state {
                    PrincipalState::Enabled => "enabled",
                    PrincipalState::Disabled => "disabled",
                };
                vec![own.kind.name().to_owned(), own.name.clone(), own.display_name.clone(), state.to_owned(), own.id.clone()]
            };
            print_rows(read, &["Kind", "Name", "Shown as", "State", "Id"], principals.iter().map(row).collect())
        }
        Access::Roles(read) => {
            let roles = with_store(read.data.as_deref(), async |store| all_roles(store).await)?;
            let row = |own: &Arc<Role>| vec![own.name.clone(), own.description.clone(), own.id.clone()];
            print_rows(read, &["Role", "What for", "Id"], roles.iter().map(row).collect())
        }
        Access::Assignments(read) => {
            let (assignments, principals, roles) = with_store(read.data.as_deref(), async |store| {
                Ok((store.role_assignments().await?, store.principals().await?, all_roles(store).await?))
            })?;
            let row = |own: &RoleAssignment| {
                let principal =
                    principals.iter().find(|known| known.id == own.principal).map_or(&own.principal, |known| &known.name);
                let role = roles.iter().find(|known| known.id == own.role).map_or(&own.role, |known| &known.name);
                vec![principal.clone(), role.clone(), own.scope.to_string(), own.created_by.clone(), own.id.clone()]
            };
            print_rows(read, &["Principal", "Role", "Scope", "By", "Id"], assignments.iter().map(row).collect())
        }
        Access::AddProgram(add) => add_program(add),
        Access::AddCertificate { program, file, data } => {
            let pem = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
            with_store(data.folder.as_deref(), async |store| {
                let principal = principal(store, program).await?;
                anyhow::ensure!(principal.kind == PrincipalKind::ServicePrincipal, "`{program}` is no program");
                let made = skywarden_api::new_certificate(&principal.id, "certificate", &pem, Timestamp::now());
                let credential = made.with_context(|| {
                    format!(
                        "{} holds no certificate in PEM with an RSA key of 2048 bits or a P-256 key, or it has ended",
                        file.display()
                    )
                })?;
                store.put_credential(&credential).await?;
                let target = format!("{}/credentials/{}", principal.id, credential.id);
                note(store, "Microsoft.Authorization/principals/write", &target).await?;
                println!("{} proves itself with this certificate too, as {}", principal.name, principal.id);
                Ok(Ending::Done)
            })
        }
        Access::AddUser(add) => add_user(add),
        Access::Invite { user, data } => with_store(data.folder.as_deref(), async |store| {
            let principal = principal(store, user).await?;
            anyhow::ensure!(
                principal.kind == PrincipalKind::User && principal.provider.is_none(),
                "`{user}` is no user with an account of this installation"
            );
            invite(store, &principal).await?;
            Ok(Ending::Done)
        }),
        Access::Grant(grant) => with_store(grant.data.folder.as_deref(), async |store| {
            let principal = principal(store, &grant.principal).await?;
            let id = give(store, &principal, &grant.role, &grant.scope).await?;
            println!("{} holds {} at {} now; the assignment is {id}", principal.name, grant.role, grant.scope);
            Ok(Ending::Done)
        }),
        Access::Revoke { assignment, data } => with_store(data.folder.as_deref(), async |store| {
            let removed = store.remove_role_assignment(assignment).await?;
            let removed = removed.with_context(|| {
                format!("there is no role assignment `{assignment}`; `skywarden access assignments` lists them")
            })?;
            note(store, "Microsoft.Authorization/roleAssignments/delete", &target(&removed)).await?;
            println!("{} no longer holds that role at {}", removed.principal, removed.scope);
            Ok(Ending::Done)
        }),
        Access::Token(token) => make_token(token),
        Access::Remove { principal: named, data } => with_store(data.folder.as_deref(), async |store| {
            let principal = principal(store, named).await?;
            store.remove_principal(&principal.id).await?;
            note(store, "Microsoft.Authorization/principals/delete", &principal.id).await?;
            println!("{} is gone, with its secrets, tokens and roles", principal.name);
            Ok(Ending::Done)
        }),
    }
}

/// `skywarden audit ...`.
pub(crate) fn audit(command: &Audit) -> anyhow::Result<Ending> {
    match command {
        Audit::List(read) => {
            let query = AuditQuery { limit: LISTED, ..AuditQuery::default() };
            let lines = with_store(read.data.as_deref(), async |store| Ok(store.audit(&query).await?))?;
            let rows = lines
                .into_iter()
                .map(|line| {
                    let own = line.entry;
                    vec![line.number.to_string(), own.at.to_string(), own.principal_name, own.action, own.target, own.outcome]
                })
                .collect();
            print_rows(read, &["Line", "At", "Who", "Action", "Target", "Outcome"], rows)
        }
        Audit::Verify { data } => with_store(data.folder.as_deref(), async |store| {
            Ok(match store.verify_audit().await? {
                Ok(proof) => {
                    println!("{} lines, the chain is unbroken; keep this hash elsewhere: {}", proof.n_lines, proof.newest);
                    Ending::Done
                }
                Err(broken) => {
                    println!("the chain is broken at line {}: {}", broken.number, broken.why);
                    Ending::Failed
                }
            })
        }),
        Audit::Export { data } => with_store(data.folder.as_deref(), async |store| {
            let mut out = std::io::stdout().lock();
            let mut next = 1;
            loop {
                let lines = store.audit_from(next, BATCH).await?;
                let Some(last) = lines.last() else { return Ok(Ending::Done) };
                next = last.number + 1;
                for line in &lines {
                    serde_json::to_writer(&mut out, line)?;
                    writeln!(out)?;
                }
            }
        }),
    }
}

fn add_program(add: &AddProgram) -> anyhow::Result<Ending> {
    anyhow::ensure!(!add.name.trim().is_empty(), "a program needs a name");
    with_store(add.data.folder.as_deref(), async |store| {
        let now = Timestamp::now();
        let principal = Principal {
            id: uuid::Uuid::new_v4().to_string(),
            kind: PrincipalKind::ServicePrincipal,
            name: add.name.clone(),
            display_name: add.name.clone(),
            state: PrincipalState::Enabled,
            created_at: now,
            provider: None,
        };
        // Before anything is written: a role that is not there leaves no program behind.
        if let Some(named) = &add.role {
            role(store, named).await?;
        }
        store.put_principal(&principal).await?;
        note(store, "Microsoft.Authorization/principals/write", &principal.id).await?;
        let (secret, end) = new_secret(store, &principal, CredentialKind::Secret, "first secret", add.expires).await?;
        if let (Some(named), Some(scope)) = (&add.role, &add.scope) {
            give(store, &principal, named, scope).await?;
        }
        println!("tenant         {}\nclient id      {}\nclient secret  {secret}", store.tenant().await?, principal.id);
        println!("\nThe secret is shown this once and ends on {}.", end.strftime("%Y-%m-%d"));
        Ok(Ending::Done)
    })
}

fn add_user(add: &AddUser) -> anyhow::Result<Ending> {
    anyhow::ensure!(!add.name.trim().is_empty(), "a user needs a name");
    with_store(add.data.folder.as_deref(), async |store| {
        if let Some(named) = &add.role {
            role(store, named).await?;
        }
        let name = add.name.trim().to_owned();
        let principal = Principal {
            id: uuid::Uuid::new_v4().to_string(),
            kind: PrincipalKind::User,
            display_name: add.display_name.clone().unwrap_or_else(|| name.clone()),
            name,
            state: PrincipalState::Enabled,
            created_at: Timestamp::now(),
            provider: None,
        };
        store.put_principal(&principal).await?;
        note(store, "Microsoft.Authorization/principals/write", &principal.id).await?;
        if let (Some(named), Some(scope)) = (&add.role, &add.scope) {
            give(store, &principal, named, scope).await?;
        }
        invite(store, &principal).await?;
        Ok(Ending::Done)
    })
}

/// Prints what leads a user to the page where they set their password.
async fn invite(store: &Store, principal: &Principal) -> anyhow::Result<()> {
    let invitation = skywarden_api::invite(store, &principal.id, Timestamp::now()).await?;
    note(store, "Microsoft.Authorization/principals/write", &format!("{}/invitation", principal.id)).await?;
    println!("{} sets a password at this path of the console: {}", principal.name, invitation.path);
    println!("It works once, until {}.", invitation.expires_at.strftime("%Y-%m-%d %H:%M UTC"));
    Ok(())
}

fn make_token(token: &Token) -> anyhow::Result<Ending> {
    with_store(token.data.folder.as_deref(), async |store| {
        let principal = principal(store, &token.principal).await?;
        let (secret, end) = new_secret(store, &principal, CredentialKind::Token, &token.name, token.expires).await?;
        println!("{secret}");
        eprintln!("The token is shown this once and ends on {}.", end.strftime("%Y-%m-%d"));
        Ok(Ending::Done)
    })
}

/// Makes a secret of 256 random bits and keeps its digest.
async fn new_secret(
    store: &Store,
    principal: &Principal,
    kind: CredentialKind,
    name: &str,
    days: u16,
) -> anyhow::Result<(String, Timestamp)> {
    let made = skywarden_api::new_credential(kind, &principal.id, name, i64::from(days), Timestamp::now());
    let NewCredential { credential, secret } = made.context("the operating system gave no random bytes for the secret")?;
    let end = credential.expires_at.context("the secret would end after the last time that can be written")?;
    store.put_credential(&credential).await?;
    note(store, "Microsoft.Authorization/principals/write", &format!("{}/credentials/{}", principal.id, credential.id)).await?;
    Ok((secret, end))
}

/// Gives a principal a role and says under which assignment it is held.
async fn give(store: &Store, principal: &Principal, named: &str, scope: &Scope) -> anyhow::Result<String> {
    let role = role(store, named).await?;
    let assignment = RoleAssignment {
        id: uuid::Uuid::new_v4().to_string(),
        principal: principal.id.clone(),
        principal_kind: principal.kind,
        role: role.id.clone(),
        scope: scope.clone(),
        created_at: Timestamp::now(),
        created_by: operator(),
    };
    match store.put_role_assignment(&assignment).await? {
        NewAssignment::Kept => {}
        NewAssignment::Exists { id } => return Ok(id),
        NewAssignment::IdTaken | NewAssignment::NoSuchRole => {
            anyhow::bail!("the role `{named}` could not be assigned; try again")
        }
    }
    note(store, "Microsoft.Authorization/roleAssignments/write", &target(&assignment)).await?;
    Ok(assignment.id)
}

fn target(assignment: &RoleAssignment) -> String {
    let scope = if assignment.scope == Scope::Tenant { String::new() } else { assignment.scope.to_string() };
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", assignment.id)
}

async fn principal(store: &Store, named: &str) -> anyhow::Result<Principal> {
    let known = store.principals().await?;
    let mut found = known.into_iter().filter(|own| own.id.eq_ignore_ascii_case(named) || own.name.eq_ignore_ascii_case(named));
    let one = found.next().with_context(|| format!("there is no principal `{named}`; `skywarden access list` lists them"))?;
    anyhow::ensure!(
        found.next().is_none(),
        "several principals are called `{named}`; give its id, which `skywarden access list` shows"
    );
    Ok(one)
}

async fn role(store: &Store, named: &str) -> anyhow::Result<Arc<Role>> {
    let roles = all_roles(store).await?;
    let found = roles.into_iter().find(|own| own.id.eq_ignore_ascii_case(named) || own.name.eq_ignore_ascii_case(named));
    found.with_context(|| format!("there is no role `{named}`; `skywarden access roles` lists them"))
}

async fn all_roles(store: &Store) -> anyhow::Result<Vec<Arc<Role>>> {
    let mut roles = built_in_roles().to_vec();
    roles.extend(store.custom_roles().await?);
    Ok(roles)
}

/// Writes a change of this command into the audit log.
pub(crate) async fn note(store: &Store, action: &str, target: &str) -> anyhow::Result<()> {
    let entry = AuditEntry {
        at: Timestamp::now(),
        principal: "command line".to_owned(),
        principal_name: operator(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: "Succeeded".to_owned(),
        address: String::new(),
        details: json!({}),
    };
    store.append_audit(&entry).await?;
    Ok(())
}

fn operator() -> String {
    std::env::var("USER").unwrap_or_else(|_| "command line".to_owned())
}
