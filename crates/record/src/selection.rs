//! What to record, and how a user spells it. Whether a site exists is the model's matter; see [`crate::Recorder::new`].

use crate::error::RecordError;
use std::fmt;
use std::str::FromStr;

/// Which sites are recorded.
///
/// ```
/// use seismograd_record::Selection;
///
/// let selection: Selection = "fc1.weight, conv1".parse()?;
/// assert_eq!(selection.to_string(), "conv1,fc1.weight");
/// assert_eq!("output".parse::<Selection>()?, Selection::Output);
/// # Ok::<(), seismograd_record::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Selection {
    /// Nothing.
    Off,
    /// The output layer: `output.input`, `output.logits` and the layer's parameters.
    #[default]
    Output,
    /// Every site.
    All,
    /// The output layer, and these sites. Their order does not matter: columns follow the model.
    Sites(Vec<String>),
}

impl FromStr for Selection {
    type Err = RecordError;

    /// Reads `off`, `output`, `all`, or sites separated by commas. Spaces around names are dropped, and names are sorted, so that two
    /// ways to ask for the same become one.
    fn from_str(text: &str) -> Result<Selection, RecordError> {
        match text.trim() {
            "off" => return Ok(Selection::Off),
            "output" => return Ok(Selection::Output),
            "all" => return Ok(Selection::All),
            _ => {}
        }
        let mut sites: Vec<String> = text.split(',').map(|site| site.trim().to_owned()).collect();
        if sites.iter().any(|site| matches!(site.as_str(), "" | "off" | "all")) {
            return Err(RecordError::Selection(text.to_owned()));
        }
        sites.retain(|site| site != "output");
        sites.sort();
        sites.dedup();
        Ok(if sites.is_empty() { Selection::Output } else { Selection::Sites(sites) })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selection::Off => f.write_str("off"),
            Selection::Output => f.write_str("output"),
            Selection::All => f.write_str("all"),
            Selection::Sites(sites) => f.write_str(&sites.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, spelling: &str) {
        let selection: Selection = text.parse().expect("a selection");
        assert_eq!(selection.to_string(), spelling);
        assert_eq!(spelling.parse::<Selection>().expect("its own spelling"), selection);
    }

    #[test]
    fn a_selection_has_one_spelling() {
        check("off", "off");
        check(" output ", "output");
        check("output, output", "output");
        check("all", "all");
        check("conv1", "conv1");
        check("fc1.weight , conv1,output,conv1", "conv1,fc1.weight");
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        for text in ["", " ", ",", "conv1,", "conv1,,fc1", "all,conv1", "off,conv1"] {
            let message = text.parse::<Selection>().expect_err(text).to_string();
            assert!(message.starts_with(&format!("`{text}` does not say what to record")), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_or_is_refused(text in "\\PC{0,20}") {
            if let Ok(selection) = text.parse::<Selection>() {
                prop_assert_eq!(selection.to_string().parse::<Selection>().expect("its own spelling"), selection);
            }
        }
    }
}
