"""The paper's CNN without dropout: one batch's gradients, and free runs under Adam and SGD.

Usage: python paper_cnn.py OUTPUT.safetensors
"""

import sys

import torch

import measure
import networks

SEED = 2023
OPTIMIZERS = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-2),
}


def main(output):
    networks.deterministic()
    weights = networks.initial_weights(networks.PaperCnn, SEED)
    tensors = measure.gradient_tensors(networks.PaperCnn, weights)
    tensors |= measure.run_tensors(networks.PaperCnn, weights, OPTIMIZERS)
    measure.save(tensors, output, "paper_cnn.py")
    measure.report(tensors)


main(sys.argv[1])
