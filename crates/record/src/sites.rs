//! The sites of a model: their names, where they are, and which of them a gradient reaches.

use crate::error::{RecordError, Result};
use crate::selection::Selection;
use seismograd_autodiff::Port;
use std::collections::HashSet;

/// The names of a model's parts, from which the names of its sites are made.
///
/// - `output.input` is what flows into the output layer and `output.logits` what flows out of it; `output.weight`, `output.bias` and so
///   on are the layer's parameters.
/// - Any other scope's path, such as `conv1`, is the scope's output, and `conv1.input` its input.
/// - Any other parameter keeps its name, such as `conv1.weight`.
///
/// An activation has a value and, where one is computed, a gradient. None is computed where no parameter lies between the images and
/// the site, as at the input of the first layer. Which scopes those are is read off the order of the names: a gradient reaches a scope's
/// input if a scope that was opened earlier and is closed by then has a parameter.
///
/// ```
/// use seismograd_record::Wiring;
///
/// let scopes = ["conv1", "fc"].map(str::to_owned);
/// let parameters = ["conv1.weight", "fc.weight", "fc.bias"].map(str::to_owned);
/// let wiring = Wiring { output_layer: "fc", scopes: &scopes, parameters: &parameters };
/// let output = ["output.input", "output.logits", "output.weight", "output.bias"];
/// assert_eq!(wiring.sites()?, [&output[..], &["conv1.input", "conv1", "conv1.weight"]].concat());
/// # Ok::<(), seismograd_record::RecordError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Wiring<'a> {
    /// The path of the scope that gives the logits.
    pub output_layer: &'a str,
    /// The paths of all scopes, in the order in which they open.
    pub scopes: &'a [String],
    /// The names of all parameters, `<scope>.weight` and so on, in the optimizer's order.
    pub parameters: &'a [String],
}

/// A place that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub name: String,
    pub source: Source,
}

/// Where a site's tensors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An end of a scope, and whether a gradient reaches it.
    Activation { scope: String, port: Port, gradient: bool },
    /// A parameter, by its place among all parameters.
    Parameter(usize),
}

/// The name of the logits' site.
pub(crate) const LOGITS: &str = "output.logits";

/// How the names of the output layer's sites begin.
pub(crate) const OUTPUT: &str = "output.";

impl Wiring<'_> {
    /// The names of all sites, in the order of their columns: the output layer, the other scopes, the other parameters.
    ///
    /// # Errors
    /// When the output layer is no scope, or two sites would have one name.
    pub fn sites(&self) -> Result<Vec<String>> {
        Ok(self.catalogue()?.into_iter().map(|site| site.name).collect())
    }

    /// The selected sites, in the order of their columns.
    pub(crate) fn select(&self, selection: &Selection) -> Result<Vec<Site>> {
        let wanted = match selection {
            Selection::Off => return Ok(Vec::new()),
            Selection::All => return self.catalogue(),
            Selection::Output => &[][..],
            Selection::Sites(names) => names,
        };
        let mut sites = self.catalogue()?;
        if let Some(name) = wanted.iter().find(|name| sites.iter().all(|site| site.name != **name)) {
            let nearest = self.nearest(name, &sites);
            let known = sites.into_iter().map(|site| site.name).collect();
            return Err(RecordError::UnknownSite { name: name.clone(), nearest, known });
        }
        sites.retain(|site| self.is_of_the_output(site) || wanted.contains(&site.name));
        Ok(sites)
    }

    fn catalogue(&self) -> Result<Vec<Site>> {
        if !self.scopes.iter().any(|scope| scope == self.output_layer) {
            return Err(RecordError::NoOutputLayer(self.output_layer.to_owned()));
        }
        let ends =
            (0..self.scopes.len()).flat_map(|scope| [Port::Input, Port::Output].map(|port| self.end(scope, port)));
        let mut sites: Vec<Site> = ends.chain((0..self.parameters.len()).map(|at| self.parameter(at))).collect();
        sites.sort_by_key(|site| !self.is_of_the_output(site));
        let mut seen = HashSet::new();
        match sites.iter().find(|site| !seen.insert(&site.name)) {
            Some(twice) => Err(RecordError::Ambiguous(twice.name.clone())),
            None => Ok(sites),
        }
    }

    fn end(&self, scope: usize, port: Port) -> Site {
        let path = &self.scopes[scope];
        let name = match (path == self.output_layer, port) {
            (true, Port::Input) => "output.input".to_owned(),
            (true, Port::Output) => LOGITS.to_owned(),
            (false, Port::Input) => format!("{path}.input"),
            (false, Port::Output) => path.clone(),
        };
        let gradient = self.gradient_reaches(scope, port);
        Site { name, source: Source::Activation { scope: path.clone(), port, gradient } }
    }

    fn parameter(&self, at: usize) -> Site {
        let name = &self.parameters[at];
        let name = match below(name, self.output_layer) {
            Some(rest) => format!("output{rest}"),
            None => name.clone(),
        };
        Site { name, source: Source::Parameter(at) }
    }

    fn is_of_the_output(&self, site: &Site) -> bool {
        match &site.source {
            Source::Activation { scope, .. } => scope == self.output_layer,
            Source::Parameter(at) => below(&self.parameters[*at], self.output_layer).is_some(),
        }
    }

    /// Whether a parameter lies before this end of a scope.
    fn gradient_reaches(&self, scope: usize, port: Port) -> bool {
        let owners = self.parameters.iter().filter_map(|name| self.owner(name));
        let path = &self.scopes[scope];
        owners.into_iter().any(|owner| {
            let inside = below(&self.scopes[owner], path).is_some();
            let around = below(path, &self.scopes[owner]).is_some();
            (inside && port == Port::Output) || (owner < scope && !around)
        })
    }

    /// The innermost scope that a parameter belongs to.
    fn owner(&self, parameter: &str) -> Option<usize> {
        self.scopes.iter().rposition(|scope| below(parameter, scope).is_some())
    }

    /// The site that was most likely meant. A part of the output layer called by the layer's own name is the site that stands for it.
    fn nearest(&self, name: &str, sites: &[Site]) -> Option<String> {
        let renamed = match below(name, self.output_layer) {
            Some("") => LOGITS.to_owned(),
            Some(rest) => format!("output{rest}"),
            None => name.to_owned(),
        };
        let distance = |site: &&Site| strsim::damerau_levenshtein(&site.name, &renamed);
        let nearest = sites.iter().min_by_key(distance).filter(|best| 2 * distance(best) <= best.name.len());
        nearest.map(|site| site.name.clone())
    }
}

/// What follows the scope's path in the path of something inside it: empty for the scope itself.
fn below<'n>(name: &'n str, scope: &str) -> Option<&'n str> {
    name.strip_prefix(scope).filter(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Spells the selected sites; those that have no gradient in parentheses.
    fn selected(scopes: &str, parameters: &str, selection: &str) -> Result<String> {
        let (scopes, parameters) = (names(scopes), names(parameters));
        let output_layer = scopes.last().expect("a scope");
        let wiring = Wiring { output_layer, scopes: &scopes, parameters: &parameters };
        let sites = wiring.select(&selection.parse()?)?;
        let spelled = sites.iter().map(|site| match &site.source {
            Source::Activation { gradient: false, .. } => format!("({})", site.name),
            _ => site.name.clone(),
        });
        Ok(spelled.collect::<Vec<_>>().join(" "))
    }

    fn check(scopes: &str, parameters: &str, selection: &str, expect: &str) {
        assert_eq!(selected(scopes, parameters, selection).expect("known sites"), expect);
    }

    fn check_refused(scopes: &str, parameters: &str, selection: &str, message: &str) {
        let error = selected(scopes, parameters, selection).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    const SCOPES: &str = "conv1 relu1 fc1 fc2";
    const PARAMETERS: &str = "conv1.weight conv1.bias fc1.weight fc2.weight fc2.bias";
    const ALL_OUTPUT: &str = "output.input output.logits output.weight output.bias";

    #[test]
    fn the_output_is_always_there_and_comes_first() {
        check(SCOPES, PARAMETERS, "off", "");
        check(SCOPES, PARAMETERS, "output", ALL_OUTPUT);
        check(SCOPES, PARAMETERS, "output.logits", ALL_OUTPUT);
        check(SCOPES, PARAMETERS, "fc1.weight,relu1", &format!("{ALL_OUTPUT} relu1 fc1.weight"));
        let rest = "(conv1.input) conv1 relu1.input relu1 fc1.input fc1 conv1.weight conv1.bias fc1.weight";
        check(SCOPES, PARAMETERS, "all", &format!("{ALL_OUTPUT} {rest}"));
    }

    #[test]
    fn an_unknown_site_gets_the_nearest() {
        check_refused(SCOPES, PARAMETERS, "cov1", "no site is called `cov1`; did you mean `conv1`?");
        check_refused(SCOPES, PARAMETERS, "conv1,fc1.wieght", "did you mean `fc1.weight`?");
        check_refused(SCOPES, PARAMETERS, "fc2", "no site is called `fc2`; did you mean `output.logits`?");
        check_refused(SCOPES, PARAMETERS, "fc2.input", "did you mean `output.input`?");
        check_refused(SCOPES, PARAMETERS, "fc2.bias", "did you mean `output.bias`?");
    }

    #[test]
    fn no_gradient_is_offered_before_the_first_parameter() {
        check("flatten fc", "fc.weight", "all", "(output.input) output.logits output.weight (flatten.input) (flatten)");
        let nested = "(a.input) a (a.b.input) a.b (a.b.0.input) a.b.0 a.b.1.input a.b.1 a.c.input a.c";
        check(
            "a a.b a.b.0 a.b.1 a.c z",
            "a.scale a.b.0.weight",
            "all",
            &format!("output.input output.logits {nested} a.scale a.b.0.weight"),
        );
    }

    #[test]
    fn a_name_is_no_prefix_of_its_neighbours() {
        check(
            "fc1 fc11 fc",
            "fc1.weight fc11.weight fc.weight",
            "fc11",
            "output.input output.logits output.weight fc11",
        );
    }

    #[test]
    fn a_parameter_deep_in_the_output_layer_belongs_to_it() {
        let (scopes, parameters) = (names("head head.fc"), names("head.fc.weight"));
        let wiring = Wiring { output_layer: "head", scopes: &scopes, parameters: &parameters };
        let sites = wiring.sites().expect("sites");
        assert_eq!(sites, ["output.input", "output.logits", "output.fc.weight", "head.fc.input", "head.fc"]);
    }

    #[test]
    fn a_model_whose_names_clash_is_refused() {
        check_refused("output fc", "fc.weight", "output", "two sites are called `output.input`");
        check_refused("a a.input fc", "", "all", "two sites are called `a.input`");
        check("output fc", "fc.weight", "off", "");
    }

    #[test]
    fn an_output_layer_that_does_not_exist_is_refused() {
        let scopes = names("conv1");
        let wiring = Wiring { output_layer: "fc", scopes: &scopes, parameters: &[] };
        let message = wiring.sites().expect_err("no such layer").to_string();
        assert!(message.starts_with("the output layer `fc` is none of the model's scopes"), "{message}");
    }
}
