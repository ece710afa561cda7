//! Commands over what people found about controls that nothing automatic covers.

use std::{collections::BTreeSet, path::Path};

use skywarden_model::{Attestation, AttestationScope, AttestedEvidence, AttestedState, Timestamp, Withdrawal};
use skywarden_posture::AccountScope;
use skywarden_report::words;
use skywarden_store::ScopeFilter;

use crate::{
    Ending,
    arguments::Read,
    content,
    estate::{print_rows, with_store},
    output::text_for_terminal,
    standard_arguments::{Attest, AttestState, Withdraw},
    standards::person,
};

const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// `skywarden attest`.
pub(crate) fn attest(attest: &Attest, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let now = Timestamp::now();
    let (links, texts): (Vec<String>, Vec<String>) =
        attest.evidence.iter().cloned().partition(|evidence| evidence.starts_with("https://"));
    let attestation = with_store(attest.data.as_deref(), async |store| {
        let own = store.own_standards(&EVERYTHING).await?;
        own.with(&catalog, now).attestable(&attest.standard, &attest.control)?;
        let attestation = Attestation {
            id: uuid::Uuid::new_v4().to_string(),
            standard: attest.standard.clone(),
            control: attest.control.clone(),
            scope: scope(attest, &own.accounts)?,
            state: match attest.state {
                AttestState::Passed => AttestedState::Passed,
                AttestState::Failed => AttestedState::Failed,
                AttestState::NotApplicable => AttestedState::NotApplicable,
            },
            evidence: AttestedEvidence { text: texts.join("\n"), links },
            assessed_on: attest.date.unwrap_or_else(|| jiff::tz::Offset::UTC.to_datetime(now).date()),
            expires_at: attest.expires,
            created_at: now,
            created_by: person(),
            withdrawn: None,
        };
        attestation.check()?;
        store.add_attestation(&attestation).await?;
        store.roll_up(&catalog, now).await?;
        Ok(attestation)
    })?;
    let end = attestation.expires_at.map(|end| format!(" until {end:.0}")).unwrap_or_default();
    println!(
        "attestation {} holds{end}: {} of {} is {} for the {}",
        attestation.id,
        attestation.control,
        attestation.standard,
        words::of_attested(attestation.state),
        words::of_scope(&attestation.scope)
    );
    Ok(Ending::Done)
}

fn scope(attest: &Attest, accounts: &BTreeSet<AccountScope>) -> anyhow::Result<AttestationScope> {
    let Some(account) = &attest.account else { return Ok(AttestationScope::Tenant) };
    let is_meant =
        |own: &&AccountScope| own.account == *account && attest.connector.as_ref().is_none_or(|name| own.connector == *name);
    let meant: Vec<&AccountScope> = accounts.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [own] => Ok(AttestationScope::Subscription { connector: own.connector.clone(), account: account.clone() }),
        [] => {
            anyhow::bail!("no account `{}` has been assessed; `skywarden connectors` lists them", text_for_terminal(account, 100))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|own| own.connector.as_str()).collect();
            anyhow::bail!("several connectors have the account: {}; name one with --connector", names.join(", "))
        }
    }
}

/// `skywarden attestations`.
pub(crate) fn list(read: &Read, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let now = Timestamp::now();
    let own = with_store(read.data.as_deref(), async |store| Ok(store.own_standards(&EVERYTHING).await?))?;
    let standards = own.with(&catalog, now);
    let rows = own
        .attestations
        .iter()
        .map(|attestation| {
            let mut evidence = vec![attestation.evidence.text.clone()];
            evidence.extend(attestation.evidence.links.iter().cloned());
            evidence.retain(|part| !part.is_empty());
            vec![
                attestation.id.clone(),
                attestation.standard.clone(),
                attestation.control.clone(),
                words::of_attested(attestation.state).to_owned(),
                attestation.assessed_on.to_string(),
                attestation.created_by.clone(),
                words::of_scope(&attestation.scope),
                standards.standing_of(attestation, now).to_string(),
                evidence.join("; "),
            ]
        })
        .collect();
    let header = ["Id", "Standard", "Control", "State", "Assessed on", "By", "For", "Holds", "Evidence"];
    print_rows(read, &header, rows)
}

/// `skywarden withdraw`.
pub(crate) fn withdraw(withdraw: &Withdraw, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let withdrawal = Withdrawal { at: Timestamp::now(), by: person() };
    let was_there = with_store(withdraw.data.as_deref(), async |store| {
        let was_there = store.withdraw_attestation(&withdraw.id, &withdrawal).await?;
        if was_there {
            store.roll_up(&catalog, withdrawal.at).await?;
        }
        Ok(was_there)
    })?;
    let id = text_for_terminal(&withdraw.id, 100);
    anyhow::ensure!(was_there, "no attestation `{id}` stands; `skywarden attestations` lists them");
    println!("attestation {id} is withdrawn; it stays in the record");
    Ok(Ending::Done)
}
