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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_needs_a_side_and_a_cause_and_stands_once() {
        let table = |lines: &str| table(&format!("recommendation\tbuilt-in\tside\tcause\n{lines}"));
        assert_eq!(table("a\tb\tours\tsince").unwrap().len(), 1);
        for wrong in ["a\tb\tours", "a\tb\tmine\tsince", "a\tb\tours\t ", "a\tb\tours\tx\na\tb\tours\ty"] {
            assert!(table(wrong).is_err(), "{wrong}");
        }
    }
}
