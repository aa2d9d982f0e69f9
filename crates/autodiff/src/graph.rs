//! The Wengert list: nodes in the order they were computed.

use crate::glance::Pending;
use crate::observer::{Observer, Port, Site};
use seismograd_tensor::{Glimpse, Tensor};
use std::sync::{Arc, OnceLock};

/// A node of a [`Graph`]: an index, valid in the graph that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub(crate) u32);

impl Var {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The reverse rule of one operation.
///
/// A rule is pure: it returns one contribution an input, in the shape of the input or of what the input was broadcast
/// to, and leaves accumulating and un-broadcasting to the graph.
pub trait Backward: Send {
    /// The contributions to the gradients of the inputs, in their order, from the output's gradient `upstream`. `None` stands
    /// for no contribution, which is right wherever [`Context::needs`] is false.
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>>;

    /// The same, but with the contribution to the first input taken through the ReLU that made it, zero where that input is not above zero: for a
    /// rule that does both in one pass. Others give the upstream gradient back. With `places`, what the ReLU's own gradient shows there is found on the
    /// way; of a rule that [spreads](Backward::spreads) without its moments.
    ///
    /// # Errors
    /// `upstream`, where there is no such pass.
    fn backward_through_relu(
        &self,
        context: &Context<'_>,
        upstream: Tensor,
        places: Option<&[usize]>,
    ) -> Result<(Vec<Option<Tensor>>, Glimpse), Tensor> {
        let _ = (context, places);
        Err(upstream)
    }

    /// Whether this is the rule of a ReLU: its gradient is the upstream one where its value is above zero, and zero elsewhere.
    fn is_relu(&self) -> bool {
        false
    }

    /// Whether this is the rule of a change of shape: value and gradient have the elements of the input's.
    fn is_reshape(&self) -> bool {
        false
    }

    /// Whether the contribution to the first input is the upstream gradient's elements, each of them once, and zeros: the rule of a pooling that takes the
    /// greatest of windows that do not overlap. Where the node's value is a NaN, the element may be left out.
    fn spreads(&self) -> bool {
        false
    }

    /// The node's value, for a node that was pushed without one ([`Graph::push_deferred`]).
    ///
    /// # Panics
    /// Unless the rule overrides it: other rules' values are computed before they are pushed.
    fn value(&self, context: &Context<'_>) -> Tensor {
        let _ = context;
        unreachable!("the rule of a deferred node computes its value")
    }

    /// The rectified value of a deferred node, for a rule that computes it in one pass; with `places`, what the value itself shows there is found on the
    /// way.
    fn rectified(&self, context: &Context<'_>, places: Option<&[usize]>) -> Option<(Tensor, Glimpse)> {
        let _ = (context, places);
        None
    }

    /// How many elements the value of a deferred node has, for a rule that can rectify it and tell what was seen of it.
    fn glimpsed_elements(&self, context: &Context<'_>) -> Option<usize> {
        let _ = context;
        None
    }
}

/// What a rule may look at: the node's inputs and output.
pub struct Context<'g> {
    graph: &'g Graph,
    node: &'g Node,
}

impl<'g> Context<'g> {
    /// The number of inputs.
    #[expect(clippy::len_without_is_empty, reason = "an operation has an input")]
    pub fn len(&self) -> usize {
        self.node.inputs.len()
    }

    /// The value of input `at`.
    pub fn input(&self, at: usize) -> &'g Tensor {
        self.graph.value(self.node.inputs[at])
    }

    /// The node's own value.
    pub fn output(&self) -> &'g Tensor {
        self.graph.value_of(self.node)
    }

    /// Whether anybody wants the gradient of input `at`.
    pub fn needs(&self, at: usize) -> bool {
        self.graph.nodes[self.node.inputs[at].index()].needs_gradient
    }

    /// The contribution to input `at`, computed only if it is wanted.
    pub fn when_needed(&self, at: usize, contribution: impl FnOnce() -> Tensor) -> Option<Tensor> {
        self.needs(at).then(contribution)
    }
}

pub(crate) struct Node {
    /// Empty while nobody has asked for a deferred value.
    pub value: OnceLock<Tensor>,
    /// Whether the rule can compute the value, as often as somebody asks.
    pub deferred: bool,
    pub inputs: Vec<Var>,
    /// None for leaves and constants.
    pub rule: Option<Box<dyn Backward>>,
    pub needs_gradient: bool,
    /// How often later nodes have it as an input.
    pub uses: u32,
}

/// A named part of the graph, from one input to one output.
pub(crate) struct Scope {
    pub path: String,
    pub input: Var,
    /// None while the scope is open.
    pub output: Option<Var>,
}

/// A Wengert list: every operation appends a node, and computes its value at once or when somebody asks for it ([`Graph::push_deferred`]).
///
/// Operations are methods, one module each (see [`crate::OPERATIONS`]). Shapes that do not fit panic with the operation and both shapes.
#[derive(Default)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) scopes: Vec<Scope>,
    /// Indices of the open scopes, outermost first.
    open: Vec<usize>,
    /// Sites whose values are shown once the operation behind them has been pushed.
    pub(crate) pending: Vec<Pending>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// A value whose gradient is wanted.
    pub fn leaf(&mut self, value: Tensor) -> Var {
        self.append(value.into(), &[], None, true)
    }

    /// A value whose gradient nobody wants, such as a batch of images.
    pub fn constant(&mut self, value: Tensor) -> Var {
        self.append(value.into(), &[], None, false)
    }

    /// Appends an operation's result with its rule. Operations of other crates join the graph through this too.
    pub fn push(&mut self, value: Tensor, inputs: &[Var], rule: impl Backward + 'static) -> Var {
        self.push_rule(value.into(), inputs, rule)
    }

    /// Appends an operation whose value its rule computes when somebody asks for it. Where the next operation computes both in one pass, nobody
    /// does: a convolution under a ReLU is never written to memory, unless an observer wants to see it.
    pub fn push_deferred(&mut self, inputs: &[Var], rule: impl Backward + 'static) -> Var {
        self.push_rule(OnceLock::new(), inputs, rule)
    }

    fn push_rule(&mut self, value: OnceLock<Tensor>, inputs: &[Var], rule: impl Backward + 'static) -> Var {
        let needs_gradient = inputs.iter().any(|input| self.nodes[input.index()].needs_gradient);
        self.append(value, inputs, Some(Box::new(rule)), needs_gradient)
    }

    fn append(
        &mut self,
        value: OnceLock<Tensor>,
        inputs: &[Var],
        rule: Option<Box<dyn Backward>>,
        needs_gradient: bool,
    ) -> Var {
        let var = Var(u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes"));
        for input in inputs {
            self.nodes[input.index()].uses += 1;
        }
        let (deferred, inputs) = (value.get().is_none(), inputs.to_vec());
        self.nodes.push(Node { value, deferred, inputs, rule, needs_gradient, uses: 0 });
        var
    }

    /// The value of a node.
    pub fn value(&self, var: Var) -> &Tensor {
        self.value_of(&self.nodes[var.index()])
    }

    fn value_of<'g>(&'g self, node: &'g Node) -> &'g Tensor {
        let rule = || node.rule.as_ref().expect("only a node with a rule is deferred");
        node.value.get_or_init(|| rule().value(&self.context(node)))
    }

    /// The rectified value of a deferred node: in one pass with the value itself if nobody has asked for that yet, otherwise in its place, unless
    /// somebody keeps it. Whoever asks for the value later has it computed again. None where another node has used the value.
    pub(crate) fn rectified(&mut self, var: Var, rectify: impl Fn(f32) -> f32 + Sync) -> Option<Tensor> {
        let node = &mut self.nodes[var.index()];
        if !node.deferred {
            return None;
        }
        if node.value.get().is_some() {
            // Another node may have broadcast it: the reverse loop tells by its shape what is to be summed.
            return if node.uses == 0 { node.value.take().map(|value| value.into_map(rectify)) } else { None };
        }
        let node = &self.nodes[var.index()];
        let waiting = self.pending.iter().position(|pending| pending.node == var);
        let places = waiting.map(|at| &self.pending[at].places[..]);
        let (rectified, seen) = node.rule.as_ref()?.rectified(&self.context(node), places)?;
        if let Some(at) = waiting {
            self.pending[at].seen = Some(Arc::new(seen));
        }
        Some(rectified)
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Opens a scope named `name`, inside the scopes open now, through which `input` flows.
    pub fn open_scope(&mut self, name: &str, input: Var) {
        let path = match self.open.last() {
            Some(&outer) => format!("{}.{name}", self.scopes[outer].path),
            None => name.to_owned(),
        };
        self.open.push(self.scopes.len());
        self.scopes.push(Scope { path, input, output: None });
    }

    /// Closes the scope opened last, whose result is `output`.
    ///
    /// # Panics
    /// When no scope is open.
    #[track_caller]
    pub fn close_scope(&mut self, output: Var) {
        let scope = self.open.pop().expect("close_scope: no scope is open");
        self.scopes[scope].output = Some(output);
    }

    /// `body(input)` in a scope of its own.
    pub fn scope(&mut self, name: &str, input: Var, body: impl FnOnce(&mut Graph, Var) -> Var) -> Var {
        self.open_scope(name, input);
        let output = body(self, input);
        self.close_scope(output);
        output
    }

    /// Shows the observer the value at every site that it wants, in the order the scopes were opened.
    pub fn observe_values(&self, observer: &mut dyn Observer) {
        for site in self.sites().filter(|site| observer.wants(*site)).collect::<Vec<_>>() {
            observer.value(site, self.value(site.node));
        }
    }

    /// Shows the observer, if it wants it, what flows in or out at an end of the scope that was opened last. Called while a model computes, rather than
    /// [`Graph::observe_values`] after it, this shows values that are still in the processor's cache. A value that is computed for whoever asks is shown
    /// at the next call for another node, or by [`Graph::show_pending`], if a glimpse will do: a ReLU that follows then computes both.
    ///
    /// # Panics
    /// When no scope is open.
    #[track_caller]
    pub fn observe_open_scope(&mut self, port: Port, node: Var, observer: &mut dyn Observer) {
        let scope = *self.open.last().expect("observe_open_scope: no scope is open");
        self.observe(scope, port, node, observer);
    }

    /// Every site, in the order the scopes were opened.
    pub(crate) fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        self.scopes.iter().flat_map(|scope| {
            let end = |port, node| Site::new(self, &scope.path, port, node);
            [Some(end(Port::Input, scope.input)), scope.output.map(|output| end(Port::Output, output))]
                .into_iter()
                .flatten()
        })
    }

    /// The ReLU that made the first input of a node, if this node alone has its value.
    pub(crate) fn relu_behind(&self, node: &Node) -> Option<Var> {
        let first = *node.inputs.first()?;
        let source = &self.nodes[first.index()];
        let is_relu = source.rule.as_ref().is_some_and(|rule| rule.is_relu());
        (is_relu && source.uses == 1 && source.needs_gradient).then_some(first)
    }

    pub(crate) fn context<'g>(&'g self, node: &'g Node) -> Context<'g> {
        Context { graph: self, node }
    }
}
