//! Observers and statistics that fill a trace from a graph and a training step.
