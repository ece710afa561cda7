use std::collections::BTreeMap;

use super::Side;

/// Differences that a person has read: recommendation, built-in and side, with the cause.
pub type Explained = BTreeMap<(String, String, Side), String>;

/// Reads `azure-differences.tsv`.
///
/// # Errors
/// If a line is not as the first one says.
pub fn table(text: &str) -> anyhow::Result<Explained> {
    let mut all = Explained::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [recommendation, policy, side, cause] = cells.as_slice() else {
            anyhow::bail!("a line has other than four cells: {line}")
        };
        anyhow::ensure!(!cause.trim().is_empty(), "no cause: {line}");
        let side = Side::from_name(side).ok_or_else(|| anyhow::anyhow!("`{side}` is no side: {line}"))?;
        let key = ((*recommendation).to_owned(), (*policy).to_owned(), side);
        anyhow::ensure!(all.insert(key, (*cause).to_owned()).is_none(), "told twice: {line}");
    }
    Ok(all)
}
