"""The two networks, their initial weights and the images that the fixtures share.

Everything random comes from numpy's PCG64 and is rounded to float32 at once: the bits of PyTorch's
own normal variates depend on the processor's instruction set, and the float64 truth must start from
the very numbers that a float32 implementation reads.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SAMPLE = Path(__file__).parents[2] / "crates/cifar10-sample/data/train.bin.gz"
RECORDS = 2000
BIAS_DEVIATION = 0.05


class PaperCnn(nn.Module):
    """The paper's CNN without its dropout: six 3x3 convolutions, ReLU, three max-pools, two linear layers."""

    gain = 2.0  # He: variance 2 / fan_in.

    def __init__(self):
        super().__init__()
        add_layers(self, strides=[1, 1, 1, 1, 1, 1])

    def forward(self, x):
        for first, second in [(self.conv1, self.conv2), (self.conv3, self.conv4), (self.conv5, self.conv6)]:
            x = F.max_pool2d(F.relu(second(F.relu(first(x)))), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SmoothCnn(nn.Module):
    """The smooth sibling: the same parameters, tanh for ReLU, a stride of 2 in conv2, 4, 6 for the max-pools.

    No kink and no tie: rounding is not amplified by a unit that switches, so that float32 and float64
    runs stay close and a wrong formula shows.
    """

    gain = 1.0  # Variance 1 / fan_in keeps tanh away from saturation.

    def __init__(self):
        super().__init__()
        add_layers(self, strides=[1, 2, 1, 2, 1, 2])

    def forward(self, x):
        for conv in [self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.conv6]:
            x = torch.tanh(conv(x))
        return self.fc2(torch.tanh(self.fc1(x.flatten(1))))


def add_layers(network, strides):
    """Register conv1 to conv6, fc1, fc2 in the order that the state dictionary has."""
    for index, stride in enumerate(strides):
        channels = 3 if index == 0 else 32
        setattr(network, f"conv{index + 1}", nn.Conv2d(channels, 32, 3, stride=stride, padding=1))
    network.fc1 = nn.Linear(512, 512)
    network.fc2 = nn.Linear(512, 10)


def initial_weights(kind, seed):
    """Name to float32 array: weights of variance gain / fan_in, and small biases so that biases matter."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, parameter in kind().named_parameters():
        shape = tuple(parameter.shape)
        deviation = BIAS_DEVIATION if len(shape) == 1 else np.sqrt(kind.gain / np.prod(shape[1:]))
        weights[name] = (deviation * random.standard_normal(shape)).astype(np.float32)
    return weights


def build(kind, weights, dtype, memory_format):
    """A network of this kind that starts from the given float32 weights."""
    network = kind().to(dtype)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.to(memory_format=memory_format)


def sample():
    """The embedded sample: images, float32 `[2000, 3, 32, 32]` in 0..=1, and labels, int64 `[2000]`."""
    if not SAMPLE.exists():
        sys.exit(f"{SAMPLE} is absent: it belongs to the repository, so restore it from version control")
    records = np.frombuffer(gzip.decompress(SAMPLE.read_bytes()), np.uint8)
    if records.size != RECORDS * 3073:
        sys.exit(f"{SAMPLE} holds {records.size} bytes, expected {RECORDS} records of 3073")
    records = records.reshape(RECORDS, 3073)
    images = records[:, 1:].reshape(RECORDS, 3, 32, 32).astype(np.float32) / np.float32(255)
    return torch.from_numpy(images), torch.from_numpy(records[:, 0].astype(np.int64))


def deterministic():
    """One thread and deterministic algorithms: the same bytes at every run on one machine."""
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
