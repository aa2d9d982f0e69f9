//! Parameter groups: each group of parameters has an optimizer of its own.

use crate::{Evaluation, EvaluationError, Objective, Optimizer, State, StateError, StepError, check_lr};
use seismograd_tensor::Tensor;

/// Which group a parameter belongs to.
type Assign = Box<dyn Fn(&Tensor) -> usize + Send>;

/// Optimizers side by side, each for the parameters of its group.
///
/// ```
/// use seismograd_optim::{Groups, Optimizer, Sgd};
/// use seismograd_tensor::Tensor;
///
/// // Weight decay for matrices alone.
/// let plain = Sgd { lr: 0.5, ..Sgd::default() };
/// let groups: Vec<Box<dyn Optimizer>> =
///     vec![Box::new(Sgd { weight_decay: 0.5, ..plain }.build()?), Box::new(plain.build()?)];
/// let mut groups = Groups::new(groups, |parameter| usize::from(parameter.rank() < 2));
/// let mut parameters = [Tensor::full(&[1, 1], 1.0), Tensor::full(&[1], 1.0)];
/// let gradients = [Tensor::zeros(&[1, 1]), Tensor::zeros(&[1])];
/// groups.step(&mut parameters, &gradients, &mut ())?;
/// assert_eq!([parameters[0].item(), parameters[1].item()], [0.75, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Groups {
    groups: Vec<Box<dyn Optimizer>>,
    /// Each group's learning rate over that of the first.
    ratios: Vec<f64>,
    assign: Assign,
}

impl Groups {
    /// Optimizers for the groups 0, 1, ...; `assign` names the group of a parameter. The name, and the learning rate that a schedule changes, are
    /// those of group 0; the others' rates keep their ratio to it.
    ///
    /// # Panics
    /// When there is no group.
    #[track_caller]
    pub fn new(groups: Vec<Box<dyn Optimizer>>, assign: impl Fn(&Tensor) -> usize + Send + 'static) -> Groups {
        assert!(!groups.is_empty(), "parameter groups: none given");
        let first = groups[0].lr();
        let ratios = groups.iter().map(|group| if first > 0.0 { group.lr() / first } else { 1.0 }).collect();
        Groups { groups, ratios, assign: Box::new(assign) }
    }

    /// The positions of each group's parameters.
    #[track_caller]
    fn members(&self, parameters: &[Tensor]) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.groups.len()];
        for (at, parameter) in parameters.iter().enumerate() {
            let group = (self.assign)(parameter);
            assert!(group < members.len(), "parameter groups: group {group} of {}", members.len());
            members[group].push(at);
        }
        members
    }
}

fn pick(tensors: &[Tensor], members: &[usize]) -> Vec<Tensor> {
    members.iter().map(|&at| tensors[at].clone()).collect()
}

fn label(group: usize) -> String {
    format!("group{group}")
}

impl Optimizer for Groups {
    fn name(&self) -> &str {
        self.groups[0].name()
    }

    #[track_caller]
    fn step(
        &mut self,
        parameters: &mut [Tensor],
        gradients: &[Tensor],
        batch: &mut dyn Objective,
    ) -> Result<(), StepError> {
        crate::check_tensors(self.groups[0].name(), parameters, gradients);
        let members = self.members(parameters);
        let before = parameters.to_vec();
        for (group, members) in self.groups.iter_mut().zip(&members) {
            let mut own = pick(&before, members);
            // Moved out, so that an update in place finds its elements shared with nobody but `before`.
            let mut part = Part { batch, all: &before, members };
            group.step(&mut own, &pick(gradients, members), &mut part)?;
            for (&at, own) in members.iter().zip(own) {
                parameters[at] = own;
            }
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.groups[0].lr()
    }

    #[track_caller]
    fn set_lr(&mut self, lr: f64) {
        check_lr(self.groups[0].name(), lr);
        for (group, ratio) in self.groups.iter_mut().zip(&self.ratios) {
            group.set_lr(lr * ratio);
        }
    }

    fn evaluation_parameters(&self, parameters: &[Tensor]) -> Option<Vec<Tensor>> {
        let (mut found, mut any) = (parameters.to_vec(), false);
        for (group, members) in self.groups.iter().zip(self.members(parameters)) {
            if let Some(own) = group.evaluation_parameters(&pick(parameters, &members)) {
                any |= !own.is_empty();
                members.into_iter().zip(own).for_each(|(at, own)| found[at] = own);
            }
        }
        any.then_some(found)
    }

    fn state(&self) -> State {
        let states: Vec<State> = self.groups.iter().map(|group| group.state()).collect();
        let mut state = State::new(self.name(), states[0].step);
        states.into_iter().enumerate().for_each(|(group, inner)| state.nest(&label(group), inner));
        state
    }

    fn load_state(&mut self, mut state: State, parameters: &[Tensor]) -> Result<(), StateError> {
        state.check_optimizer(self.name())?;
        let members = self.members(parameters);
        let groups = self.groups.iter().enumerate();
        let inner: Vec<State> =
            groups.map(|(at, group)| state.take_nested(&label(at), group.name())).collect::<Result<_, _>>()?;
        state.finish()?;
        let before: Vec<State> = self.groups.iter().map(|group| group.state()).collect();
        for at in 0..inner.len() {
            if let Err(error) = self.groups[at].load_state(inner[at].clone(), &pick(parameters, &members[at])) {
                // Those that were loaded go back: nothing may have changed.
                for (group, (before, members)) in self.groups.iter_mut().zip(before.into_iter().zip(&members)).take(at)
                {
                    group.load_state(before, &pick(parameters, members))?;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The batch as a function of one group's parameters.
struct Part<'a> {
    batch: &'a mut dyn Objective,
    all: &'a [Tensor],
    members: &'a [usize],
}

impl Part<'_> {
    fn whole(&self, own: &[Tensor]) -> Vec<Tensor> {
        let mut all = self.all.to_vec();
        self.members.iter().zip(own).for_each(|(&at, own)| all[at] = own.clone());
        all
    }

    fn restrict(&self, evaluation: Evaluation) -> Evaluation {
        Evaluation { gradients: pick(&evaluation.gradients, self.members), ..evaluation }
    }
}

impl Objective for Part<'_> {
    fn loss(&self) -> Result<f64, EvaluationError> {
        self.batch.loss()
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let evaluation = self.batch.evaluate(&self.whole(parameters))?;
        Ok(self.restrict(evaluation))
    }

    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let evaluation = self.batch.evaluate_sampled_labels(&self.whole(parameters))?;
        Ok(self.restrict(evaluation))
    }
}
