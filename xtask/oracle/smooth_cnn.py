"""The smooth sibling of the paper's CNN: one batch's gradients, and free runs under four optimizers.

Usage: python smooth_cnn.py OUTPUT.safetensors
"""

import sys

import torch

import measure
import networks

SEED = 2024
# Momentum multiplies the step by ten: at plain SGD's rate this network diverges within 20 steps.
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05),
    "sgd_nesterov": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9, nesterov=True),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
}


def main(output):
    networks.deterministic()
    weights = networks.initial_weights(networks.SmoothCnn, SEED)
    tensors = measure.gradient_tensors(networks.SmoothCnn, weights)
    tensors |= measure.run_tensors(networks.SmoothCnn, weights, OPTIMIZERS)
    measure.save(tensors, output, "smooth_cnn.py")
    measure.report(tensors)


main(sys.argv[1])
