use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::process;

/// Licences under which a dependency may be linked. `AND` needs all of its terms here, `OR` one.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "Unicode-3.0",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
];

/// Checks that every package in the lock file may be linked into an Apache-2.0 program.
pub(crate) fn check() -> anyhow::Result<()> {
    let text = process::output("cargo", &["metadata", "--format-version", "1", "--locked"])?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let mut refused = Vec::new();
    for package in packages {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        let licence = package.get("license").and_then(Value::as_str).unwrap_or_default();
        if !is_allowed(licence) {
            refused.push(format!("{name}: `{licence}`"));
        }
    }
    if !refused.is_empty() {
        bail!("these dependencies' licences are not allowed (xtask/src/licences.rs): {}", refused.join(", "));
    }
    println!("licences: {} packages", packages.len());
    Ok(())
}

fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    !expression.is_empty()
        && expression.split(" AND ").all(|terms| terms.split(" OR ").any(|term| ALLOWED.contains(&term.trim())))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn either_side_of_an_or_suffices_and_both_sides_of_an_and_are_needed() {
        assert!(is_allowed("MIT OR GPL-3.0"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!is_allowed("MIT AND GPL-3.0"));
        assert!(!is_allowed("GPL-3.0"));
        assert!(!is_allowed(""));
    }
}
