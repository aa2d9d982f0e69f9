//! Layers, initialisation, losses and the paper's CNN.
