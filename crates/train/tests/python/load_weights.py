"""Loads saved weights into the oracle's network, strictly, and saves its logits of records 0..64.

Usage: python load_weights.py ORACLE_DIRECTORY NETWORK WEIGHTS.safetensors LOGITS.safetensors
"""

import sys

import torch
from safetensors.torch import load_file, save_file


def main(oracle, network, weights, output):
    sys.dont_write_bytecode = True
    sys.path.insert(0, oracle)
    import networks

    networks.deterministic()
    network = getattr(networks, network)()
    network.load_state_dict(load_file(weights), strict=True)
    images, _ = networks.sample()
    with torch.no_grad():
        save_file({"logits": network(images[:64])}, output)


main(*sys.argv[1:])
