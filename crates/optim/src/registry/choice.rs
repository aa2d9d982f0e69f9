//! From names and texts to a choice that can be built and spelled out.

use super::values::{Chosen, OptionSpec, Value};
use super::{Build, Entry, find, nearest};
use crate::{ConfigError, Groups, Optimizer};

/// Options of the base of a wrapper, and of the parameters that are no matrices.
const BASE: &str = "base.";
const VECTORS: &str = "vectors.";

/// An optimizer with a value for each option, and what it is composed of.
pub(super) struct Choice {
    entry: &'static Entry,
    chosen: Chosen,
    /// What a wrapper holds.
    base: Option<Box<Choice>>,
    /// The same optimizer for parameters of fewer than two axes, and the options that are set for them.
    vectors: Option<(Box<Choice>, Set)>,
}

type Set = Vec<(String, String)>;

impl Choice {
    /// The learning rate and the options that are set, and the defaults of the others.
    pub(super) fn new(name: &str, lr: Option<f64>, set: &[(String, String)]) -> Result<Choice, ConfigError> {
        let entry = find(name)?;
        match entry.build {
            Build::Alone(_) => Choice::alone(entry, lr, set),
            Build::Around { base, .. } => Choice::around(entry, base, lr, set),
        }
    }

    fn alone(entry: &'static Entry, lr: Option<f64>, set: &[(String, String)]) -> Result<Choice, ConfigError> {
        let (vectors, own) = split(set, VECTORS);
        let chosen = choose(entry, lr, &own)?;
        let vectors = match vectors.as_slice() {
            [] => None,
            _ => {
                let kept = own.iter().filter(|(name, _)| vectors.iter().all(|(other, _)| other != name)).cloned();
                let lr = lr.filter(|_| vectors.iter().all(|(name, _)| name != "lr"));
                let set: Set = kept.chain(vectors.iter().cloned()).collect();
                Some((Box::new(Choice { entry, chosen: choose(entry, lr, &set)?, base: None, vectors: None }), vectors))
            }
        };
        Ok(Choice { entry, chosen, base: None, vectors })
    }

    fn around(
        entry: &'static Entry,
        base: &str,
        lr: Option<f64>,
        set: &[(String, String)],
    ) -> Result<Choice, ConfigError> {
        let (mut bases, mut own) = split(set, BASE);
        // The learning rate is the base's, by whichever name it is called.
        bases.extend(own.extract_if(.., |(name, _)| name == "lr"));
        let named: Set = own.extract_if(.., |(name, _)| name == "base").collect();
        if named.len() > 1 {
            return Err(ConfigError::Repeated { optimizer: entry.name, option: "base" });
        }
        let base = named.first().map_or(base, |(_, name)| name);
        let base = Some(Box::new(Choice::new(base, lr, &bases)?));
        Ok(Choice { entry, chosen: choose(entry, None, &own)?, base, vectors: None })
    }

    pub(super) fn build(&self) -> Result<Box<dyn Optimizer>, ConfigError> {
        match (self.entry.build, &self.base, &self.vectors) {
            (Build::Around { build, .. }, Some(base), _) => build(&self.chosen, base.build()?),
            (Build::Alone(build), _, Some((vectors, _))) => {
                let groups = vec![build(&self.chosen)?, vectors.build()?];
                Ok(Box::new(Groups::new(groups, |parameter| usize::from(parameter.rank() < 2))))
            }
            (Build::Alone(build), _, None) => build(&self.chosen),
            (Build::Around { .. }, None, _) => unreachable!("a choice of a wrapper has a base"),
        }
    }

    /// All options and values in their canonical order and spelling, the learning rate first.
    pub(super) fn resolve(&self) -> Set {
        let own = self.chosen.options.iter().zip(&self.chosen.values);
        let own = own.map(|(spec, value)| (spec.name.to_owned(), value.to_string()));
        if let Some(base) = &self.base {
            let mut inner = base.resolve();
            let lr = inner.extract_if(.., |(name, _)| name == "lr").collect::<Set>();
            let name = [("base".to_owned(), base.entry.name.to_owned())];
            let inner = inner.into_iter().map(|(name, value)| (format!("{BASE}{name}"), value));
            return lr.into_iter().chain(own).chain(name).chain(inner).collect();
        }
        let vectors = self.vectors.iter().flat_map(|(choice, set)| {
            let resolved = choice.resolve().into_iter().filter(|(name, _)| set.iter().any(|(other, _)| other == name));
            resolved.map(|(name, value)| (format!("{VECTORS}{name}"), value))
        });
        own.chain(vectors).collect()
    }
}

/// The options that begin with `prefix`, without it, and the others.
fn split(set: &[(String, String)], prefix: &str) -> (Set, Set) {
    let (inner, own): (Set, Set) = set.iter().cloned().partition(|(name, _)| name.starts_with(prefix));
    (inner.into_iter().map(|(name, text)| (name[prefix.len()..].to_owned(), text)).collect(), own)
}

fn choose(entry: &'static Entry, lr: Option<f64>, set: &[(String, String)]) -> Result<Chosen, ConfigError> {
    let mut chosen = vec![None; entry.options.len()];
    if let Some(lr) = lr {
        chosen[position(entry, "lr")?] = Some(Value::Number(lr));
    }
    for (option, text) in set {
        let at = position(entry, option)?;
        let value = parse(entry, &entry.options[at], text)?;
        if chosen[at].replace(value).is_some() {
            return Err(ConfigError::Repeated { optimizer: entry.name, option: entry.options[at].name });
        }
    }
    let values = chosen.iter().zip(entry.options).map(|(value, spec)| value.unwrap_or(spec.default)).collect();
    Ok(Chosen { options: entry.options, values })
}

fn position(entry: &Entry, option: &str) -> Result<usize, ConfigError> {
    entry.options.iter().position(|spec| spec.name == option).ok_or_else(|| {
        let own = entry.options.iter().map(|spec| spec.name);
        let inherited: &[&'static str] =
            if matches!(entry.build, Build::Around { .. }) { &["lr", "base"] } else { &[] };
        let valid: Vec<_> = own.chain(inherited.iter().copied()).collect();
        let nearest = nearest(option, &valid);
        ConfigError::UnknownOption { optimizer: entry.name, option: option.to_owned(), nearest, valid }
    })
}

fn parse(entry: &Entry, spec: &OptionSpec, text: &str) -> Result<Value, ConfigError> {
    let value = spec.default.parse(text);
    value.ok_or_else(|| ConfigError::NotAllowed {
        optimizer: entry.name,
        option: spec.name,
        value: format!("{text:?}"),
        allowed: spec.default.kind(),
    })
}
