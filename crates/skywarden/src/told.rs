/// An error with its causes in one line, each told once: some of ours tell the cause in their own sentence, before the advice.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use skywarden_store::StoreError;

    use super::*;

    #[test]
    fn a_cause_is_told_once_and_none_is_lost() {
        let source = || std::io::Error::other("no space");
        let told_of = |error: anyhow::Error| told(&error.context("could not begin"));
        assert_eq!(
            told_of(StoreError::Create { place: "s".into(), source: source() }.into()),
            "could not begin: could not create the store s: no space; choose a folder that you may write to with --data"
        );
        assert_eq!(
            told_of(Err::<(), _>(source()).context("could not open it").unwrap_err()),
            "could not begin: could not open it: no space"
        );
    }
}
