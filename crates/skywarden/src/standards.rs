//! Commands over standards of one's own: import, list, remove, export.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;
use skywarden_content::{Catalog, StandardFile};
use skywarden_model::Timestamp;
use skywarden_posture::{Standards, standard_states};
use skywarden_store::{CustomStandard, ScopeFilter, Store};

use crate::{
    Ending,
    arguments::Read,
    content,
    estate::{print_rows, with_store},
    output::text_for_terminal,
    standard_arguments::{Import, Named, Standard},
};

const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// A file of content is at most this long; one byte more tells that it is longer.
const MAX_BYTES: u64 = (1 << 20) + 1;

/// `skywarden standard ...`.
pub(crate) fn run(command: &Standard, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    match command {
        Standard::Import(import) => keep(&catalog, import),
        Standard::List(read) => list(&catalog, read),
        Standard::Remove(named) => remove(&catalog, named),
        Standard::Export(named) => export(&catalog, named),
    }
}

/// A standard of the content or of the store.
///
/// # Errors
/// If there is none of this id, with those that there are.
pub(crate) fn found<'a>(standards: &Standards<'a>, id: &str) -> anyhow::Result<&'a StandardFile> {
    standards.get(id).with_context(|| {
        let known: Vec<&str> = standards.files().map(|file| file.id.as_str()).collect();
        format!("there is no standard `{}`; there are {}", text_for_terminal(id, 100), known.join(", "))
    })
}

/// Who changes something at this terminal.
pub(crate) fn person() -> String {
    std::env::var("USER").unwrap_or_else(|_| "command line".to_owned())
}

fn keep(catalog: &Catalog, import: &Import) -> anyhow::Result<Ending> {
    let name = import.file.display().to_string();
    let mut text = String::new();
    let file = File::open(&import.file).with_context(|| format!("could not open {name}"))?;
    file.take(MAX_BYTES).read_to_string(&mut text).with_context(|| format!("could not read {name}"))?;
    let file = match catalog.read_standard(&name, &text) {
        Ok(file) => file,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
                if let Some(help) = problem.help {
                    eprintln!("    help: {help}");
                }
            }
            anyhow::bail!("{name} is not kept; mend what is told above and import it again");
        }
    };
    let now = Timestamp::now();
    let standard = CustomStandard { file, changed_at: now, changed_by: person() };
    let says = with_store(import.data.as_deref(), async |store| {
        store.put_standard(&standard).await?;
        store.roll_up(catalog, now).await?;
        stands(store, catalog, &standard.file.id, now).await
    })?;
    println!("{} is kept; {says}", standard.file.id);
    Ok(Ending::Done)
}

/// How a standard stands, in a line.
async fn stands(store: &Store, catalog: &Catalog, id: &str, now: Timestamp) -> anyhow::Result<String> {
    let own = store.own_standards(&EVERYTHING).await?;
    let standards = own.with(catalog, now);
    let assessments: Vec<_> = store.assessments(&EVERYTHING).await?.into_iter().map(|row| row.assessment).collect();
    let coverage = store.coverage(&EVERYTHING).await?;
    let states = standard_states(&standards, &assessments, &coverage);
    let states = states.get(id).with_context(|| format!("the standard `{id}` could not be rolled up"))?;
    let count = |wanted: skywarden_posture::ComplianceState| states.controls.values().filter(|own| **own == wanted).count();
    use skywarden_posture::ComplianceState::{Failed, Manual, NotApplicable, Passed, Unknown};
    Ok(format!(
        "of {} controls {} passed, {} failed, {} unknown, {} need a person or a check, {} not applicable",
        states.controls.len(),
        count(Passed),
        count(Failed),
        count(Unknown),
        count(Manual),
        count(NotApplicable)
    ))
}

fn list(catalog: &Catalog, read: &Read) -> anyhow::Result<Ending> {
    let own = with_store(read.data.as_deref(), async |store| Ok(store.own_standards(&EVERYTHING).await?))?;
    let mut rows: Vec<Vec<String>> = catalog
        .standards
        .values()
        .map(|file| vec![file.id.clone(), file.title.clone(), file.version.clone(), "content".to_owned(), String::new()])
        .collect();
    for custom in own.custom {
        let place = if catalog.standards.contains_key(&custom.file.id) { "store, hidden by content" } else { "store" };
        let changed = format!("{:.0} by {}", custom.changed_at, custom.changed_by);
        rows.push(vec![custom.file.id, custom.file.title, custom.file.version, place.to_owned(), changed]);
    }
    rows.sort();
    print_rows(read, &["Id", "Title", "Version", "From", "Changed"], rows)
}

fn remove(catalog: &Catalog, named: &Named) -> anyhow::Result<Ending> {
    let is_removed = with_store(named.data.as_deref(), async |store| Ok(store.remove_standard(&named.id).await?))?;
    let id = text_for_terminal(&named.id, 100);
    anyhow::ensure!(
        is_removed || !catalog.standards.contains_key(&named.id),
        "`{id}` comes with the content and can't be removed from the store"
    );
    anyhow::ensure!(is_removed, "the store has no standard `{id}`; `skywarden standard list` shows all");
    println!("{id} is removed with its history");
    Ok(Ending::Done)
}

fn export(catalog: &Catalog, named: &Named) -> anyhow::Result<Ending> {
    let own = with_store(named.data.as_deref(), async |store| Ok(store.own_standards(&EVERYTHING).await?))?;
    print!("{}", found(&own.with(catalog, Timestamp::now()), &named.id)?.to_yaml());
    Ok(Ending::Done)
}
