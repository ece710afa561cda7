//! As whom to log in: one way, or the first of several that is there.

use std::{path::PathBuf, sync::Arc};

use super::{
    Token,
    certificate::{Certificate, contents},
    cli::Az,
    entra::{Entra, by_cli},
    managed::{Machine, Patience},
    variables::Variables,
};
use crate::{
    CallError, ConnectError, Secret,
    azure::{AzureIdentity, AzureLogin, AzureOptions, cloud::Endpoints},
};

/// One way to log in, complete.
#[derive(Debug, Clone)]
enum Member {
    Secret { tenant: String, client_id: String, secret: Secret },
    Certificate { tenant: String, client_id: String, file: PathBuf, password: Option<Secret> },
    Workload { tenant: String, client_id: String, file: PathBuf },
    Managed(AzureIdentity),
    Cli { tenant: Option<String> },
}

/// Gives tokens, keeps none.
pub(super) struct Source {
    authority: String,
    http: reqwest::Client,
    machine: Machine,
    az: Arc<Az>,
    choice: Choice,
}

enum Choice {
    One(Member),
    /// What is there and, for what is not, why. The first that has given a token stays.
    First {
        members: Vec<Result<Member, String>>,
        chosen: std::sync::OnceLock<Member>,
    },
}

impl Source {
    pub(super) fn new(
        options: &AzureOptions,
        endpoints: &Endpoints,
        http: &reqwest::Client,
        variables: Variables,
    ) -> Result<Self, ConnectError> {
        let choice = match &options.login {
            AzureLogin::Default => Choice::First { members: members(options, &variables), chosen: std::sync::OnceLock::new() },
            login => Choice::One(member(login, options, &variables).map_err(|message| ConnectError::AzureLogin { message })?),
        };
        let machine = Machine::new(variables)?;
        Ok(Self { authority: endpoints.authority.clone(), http: http.clone(), machine, az: Arc::default(), choice })
    }

    pub(super) async fn token(&self, audience: &str) -> Result<Token, CallError> {
        let result = match &self.choice {
            Choice::One(member) => self.of(member, audience, Patience::Known).await.map_err(|reason| member.failed(&reason)),
            Choice::First { members, chosen } => match chosen.get() {
                Some(member) => self.of(member, audience, Patience::Known).await.map_err(|reason| member.failed(&reason)),
                None => self.first(members, chosen, audience).await,
            },
        };
        result.map_err(|message| CallError::AzureLogin { message })
    }

    /// `client secret`, `az`; of several, the one that has been found.
    pub(super) fn name(&self) -> &'static str {
        self.member().map_or("the first login that is there", Member::name)
    }

    /// What a person can do.
    pub(super) fn advice(&self) -> &'static str {
        self.member().map_or("log in again", Member::advice)
    }

    fn member(&self) -> Option<&Member> {
        match &self.choice {
            Choice::One(member) => Some(member),
            Choice::First { chosen, .. } => chosen.get(),
        }
    }

    /// One that is configured and refused ends the search: going on as somebody else would show another estate without a word.
    async fn first(
        &self,
        members: &[Result<Member, String>],
        chosen: &std::sync::OnceLock<Member>,
        audience: &str,
    ) -> Result<Token, String> {
        let mut said = Vec::new();
        for member in members {
            let member = match member {
                Ok(member) => member,
                Err(reason) => {
                    said.push(reason.clone());
                    continue;
                }
            };
            match self.of(member, audience, Patience::Probe).await {
                Ok(token) => {
                    tracing::info!(login = member.name(), "logged in to Azure");
                    let _ = chosen.set(member.clone());
                    return Ok(token);
                }
                Err(reason) => said.push(format!("{}: {reason}", member.name())),
            }
            if member.is_configured() {
                return Err(format!("{}; {}", said.join("; "), member.advice()));
            }
        }
        let advice = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run `az login`";
        Err(format!("found no login. {}; {advice}", said.join("; ")))
    }

    async fn of(&self, member: &Member, audience: &str, patience: Patience) -> Result<Token, String> {
        match member {
            Member::Secret { tenant, client_id, secret } => self.entra(tenant).by_secret(client_id, secret, audience).await,
            Member::Certificate { tenant, client_id, file, password } => {
                let entra = self.entra(tenant);
                let certificate = Certificate::read(file, password.as_ref())?;
                let now = jiff::Timestamp::now().as_second();
                let assertion = certificate.assertion(client_id, &entra.token_endpoint(), now)?;
                entra.by_assertion(client_id, assertion, audience).await
            }
            Member::Workload { tenant, client_id, file } => {
                let token = String::from_utf8(contents(file)?).ok().map(|token| token.trim().to_owned());
                let token = token.filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| format!("{} holds no token", file.display()))?;
                self.entra(tenant).by_assertion(client_id, token, audience).await
            }
            Member::Managed(identity) => self.machine.token(identity, audience, patience).await,
            Member::Cli { tenant } => {
                let az: Arc<Az> = Arc::clone(&self.az);
                by_cli(tenant.as_deref(), az, audience).await
            }
        }
    }

    fn entra<'s>(&'s self, tenant: &'s str) -> Entra<'s> {
        Entra { authority: &self.authority, tenant, http: &self.http }
    }

    #[cfg(test)]
    pub(super) fn with_az(mut self, path: std::ffi::OsString) -> Self {
        self.az = Arc::new(Az { path: Some(path) });
        self
    }

    #[cfg(test)]
    pub(super) fn with_arc_keys(mut self, folder: PathBuf) -> Self {
        self.machine = self.machine.with_arc_keys(folder);
        self
    }
}

impl Member {
    fn name(&self) -> &'static str {
        match self {
            Member::Secret { .. } => "client secret",
            Member::Certificate { .. } => "client certificate",
            Member::Workload { .. } => "workload identity",
            Member::Managed(_) => "managed identity",
            Member::Cli { .. } => "az",
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Member::Secret { .. } => {
                "check the application's id, its tenant, and that the secret's value is given and has not expired"
            }
            Member::Certificate { .. } => {
                "check the application's id, its tenant, and that the certificate is registered with it and valid"
            }
            Member::Workload { .. } => {
                "check the application's id, its tenant, and the issuer and subject of its federated credential"
            }
            Member::Managed(_) => "check that the machine has this identity, or name another login",
            Member::Cli { .. } => "log in again (`az login`), or name another login",
        }
    }

    fn failed(&self, reason: &str) -> String {
        format!("{}: {reason}; {}", self.name(), self.advice())
    }

    /// Whether somebody has said that it is to be used; any machine may have an identity or `az`.
    fn is_configured(&self) -> bool {
        match self {
            Member::Secret { .. } | Member::Certificate { .. } | Member::Workload { .. } => true,
            Member::Managed(_) | Member::Cli { .. } => false,
        }
    }
}

/// The chain of the default login.
fn members(options: &AzureOptions, variables: &Variables) -> Vec<Result<Member, String>> {
    let environment = match (variables.get("AZURE_CLIENT_SECRET"), variables.get("AZURE_CLIENT_CERTIFICATE_PATH")) {
        (Some(secret), _) => variable(variables, "AZURE_CLIENT_ID").and_then(|client_id| {
            Ok(Member::Secret { tenant: tenant(options, variables)?, client_id, secret: Secret::new(secret) })
        }),
        (None, Some(file)) => variable(variables, "AZURE_CLIENT_ID").and_then(|client_id| {
            let password = variables.get("AZURE_CLIENT_CERTIFICATE_PASSWORD").map(Secret::new);
            Ok(Member::Certificate { tenant: tenant(options, variables)?, client_id, file: file.into(), password })
        }),
        (None, None) => Err("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set".to_owned()),
    };
    let workload = AzureLogin::WorkloadIdentity { client_id: None, token_file: None };
    let identity = variables.get("AZURE_CLIENT_ID").map(|id| AzureIdentity::ClientId(id.to_owned())).unwrap_or_default();
    let tenant = tenant(options, variables).ok();
    vec![
        environment.map_err(|reason| format!("environment: {reason}")),
        member(&workload, options, variables),
        Ok(Member::Managed(identity)),
        checked(Member::Cli { tenant }),
    ]
}

/// The one that is named.
fn member(login: &AzureLogin, options: &AzureOptions, variables: &Variables) -> Result<Member, String> {
    let named = |name: &'static str| move |reason: String| format!("{name}: {reason}");
    let made = match login {
        AzureLogin::Default => Err("no login is named".to_owned()),
        AzureLogin::ClientSecret { client_id, secret } => tenant(options, variables)
            .map(|tenant| Member::Secret { tenant, client_id: client_id.clone(), secret: secret.clone() })
            .map_err(named("client secret")),
        AzureLogin::ClientCertificate { client_id, file, password } => tenant(options, variables)
            .map(|tenant| Member::Certificate {
                tenant,
                client_id: client_id.clone(),
                file: file.clone(),
                password: password.clone(),
            })
            .map_err(named("client certificate")),
        AzureLogin::ManagedIdentity(identity) => Ok(Member::Managed(identity.clone())),
        AzureLogin::WorkloadIdentity { client_id, token_file } => {
            let made = || {
                let file = match token_file {
                    Some(file) => file.clone(),
                    None => variable(variables, "AZURE_FEDERATED_TOKEN_FILE")?.into(),
                };
                let client_id = client_id.clone().map_or_else(|| variable(variables, "AZURE_CLIENT_ID"), Ok)?;
                Ok(Member::Workload { tenant: tenant(options, variables)?, client_id, file })
            };
            made().map_err(named("workload identity"))
        }
        AzureLogin::AzureCli => Ok(Member::Cli { tenant: options.tenant.clone() }),
    };
    made.and_then(checked)
}

/// Ids become part of addresses and command lines.
fn checked(member: Member) -> Result<Member, String> {
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-'))
    };
    let (tenant, client_id) = match &member {
        Member::Secret { tenant, client_id, .. }
        | Member::Certificate { tenant, client_id, .. }
        | Member::Workload { tenant, client_id, .. } => (Some(tenant), Some(client_id)),
        Member::Cli { tenant } => (tenant.as_ref(), None),
        Member::Managed(_) => (None, None),
    };
    if let Some(tenant) = tenant.filter(|tenant| !is_name(tenant)) {
        return Err(format!("{}: `{tenant}` is no id or domain name of a tenant", member.name()));
    }
    if let Some(client_id) = client_id.filter(|client_id| !is_name(client_id)) {
        return Err(format!("{}: `{client_id}` is no id of an application", member.name()));
    }
    match &member {
        Member::Secret { secret, .. } if secret.text().is_empty() => Err(format!("{}: the secret is empty", member.name())),
        _ => Ok(member),
    }
}

fn tenant(options: &AzureOptions, variables: &Variables) -> Result<String, String> {
    let missing = || "no tenant is named; give its id or set AZURE_TENANT_ID".to_owned();
    options.tenant.clone().or_else(|| variables.get("AZURE_TENANT_ID").map(str::to_owned)).ok_or_else(missing)
}

fn variable(variables: &Variables, name: &str) -> Result<String, String> {
    variables.get(name).map(str::to_owned).ok_or_else(|| format!("{name} is not set"))
}
