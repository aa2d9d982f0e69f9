//! What cells are called: by what tells them from the others of their plan.

use crate::cell::Cell;
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// The options of each optimizer that are not the same for all of its cells.
#[derive(Clone, Debug)]
pub struct Labels {
    varying: BTreeSet<(String, String)>,
}

impl Labels {
    /// Of a plan's cells.
    pub fn of(plan: &Plan) -> Labels {
        let mut values: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for cell in &plan.cells {
            for (name, value) in &cell.config.options {
                values.entry((&cell.config.optimizer, name)).or_default().insert(value);
            }
        }
        let varying = values.into_iter().filter(|(_, values)| values.len() > 1);
        Labels { varying: varying.map(|((optimizer, name), _)| (optimizer.to_owned(), name.to_owned())).collect() }
    }

    /// A cell's options that vary, each behind a space.
    pub fn options(&self, cell: &Cell) -> String {
        let config = &cell.config;
        let varies = |name: &str| self.varying.contains(&(config.optimizer.clone(), name.to_owned()));
        let options = config.options.iter().filter(|(name, _)| varies(name));
        options.map(|(name, value)| format!(" {name} {value}")).collect()
    }

    /// A cell for a person, so that labels below each other are columns.
    pub fn label(&self, cell: &Cell) -> String {
        let (config, options) = (&cell.config, self.options(cell));
        let lr = config.lr;
        format!("{:<8} batch {:<4} lr {lr:<8}{options} seed {:<8}", config.optimizer, config.batch_size, config.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SweepFile;

    #[test]
    fn an_option_that_varies_is_a_part_of_the_name() {
        let text = "epochs = 1\nbatch_sizes = [50]\nseeds = 1\n[optimizers.sgd]\nlr = 0.1\nmomentum = [0, 0.9]\n[optimizers.adam]\n";
        let request = SweepFile::parse(text, "sweep.toml").unwrap().request().unwrap();
        let plan = request.plan(&request.dataset().unwrap()).unwrap();
        let labels = Labels::of(&plan);
        let found: Vec<String> = plan.cells.iter().map(|cell| labels.label(cell).trim_end().to_owned()).collect();
        let expect = [
            "sgd      batch 50   lr 0.1      momentum 0 seed 0",
            "sgd      batch 50   lr 0.1      momentum 0.9 seed 0",
            "adam     batch 50   lr 0.001    seed 1000",
        ];
        assert_eq!(found, expect);
    }
}
