"""The problems on which every optimizer is compared: recorded gradients of a small network, a quadratic, Rosenbrock's function.

A problem has `initial` parameters (name to float32 array), `steps`, the `kept` ones, and for a step and parameters in
torch its loss, its gradients, and gradients that stand for those at sampled labels.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import networks

SEED = 6
STEPS = 100
BATCH = 20
# What a recorded problem answers to a question about other parameters: the gradients of the step so much later.
SHIFT = 50


class SmallCnn(nn.Module):
    """Two convolutions of stride 2 and two linear layers on 8 x 8 images: parameters of 4, 2 and 1 axes."""

    gain = 1.0

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(24, 12)
        self.fc2 = nn.Linear(12, 10)

    def forward(self, x):
        for conv in [self.conv1, self.conv2]:
            x = torch.tanh(conv(x))
        return self.fc2(torch.tanh(self.fc1(x.flatten(1))))


def record():
    """Initial weights, and the gradients along 100 steps of SGD with momentum, by name and float32.

    Ten logistic losses rather than a softmax: the gradient of a softmax's last layer has an exactly vanishing direction,
    in which whitening optimizers see rounding noise alone.
    """
    weights = networks.initial_weights(SmallCnn, SEED)
    network = networks.build(SmallCnn, weights, torch.float64, torch.contiguous_format)
    images, labels = networks.sample()
    images = F.avg_pool2d(images, 4).double() - 0.5
    order = np.random.default_rng(SEED).permutation(len(images))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    gradients = {name: [] for name in weights}
    for step in range(STEPS):
        batch = order[step * BATCH:(step + 1) * BATCH]
        optimizer.zero_grad()
        target = F.one_hot(labels[batch], 10).double()
        F.binary_cross_entropy_with_logits(network(images[batch]), target).backward()
        optimizer.step()
        for name, parameter in network.named_parameters():
            gradients[name].append(parameter.grad.float().numpy().copy())
    return weights, {name: np.stack(values) for name, values in gradients.items()}


class Problem:
    """What all problems share: random probes, the same for every case."""

    def __init__(self):
        random = np.random.default_rng(SEED)
        size = lambda value: (self.steps, *value.shape)
        self.probes = {n: random.standard_normal(size(v)).astype(np.float32) for n, v in self.initial.items()}

    def probe(self, step, at):
        return torch.from_numpy(list(self.probes.values())[at][step])


class Recorded(Problem):
    """The recorded gradients, whatever the parameters are."""

    name, steps, kept = "network", STEPS, [10, 100]

    def __init__(self):
        self.initial, self.recorded = record()
        super().__init__()

    def gradients(self, step, parameters):
        return [torch.from_numpy(self.recorded[name][step]).to(parameters[0].dtype) for name in self.initial]

    def elsewhere(self, step, parameters):
        return 0.0, self.gradients((step + SHIFT) % STEPS, parameters)

    def sampled(self, step, parameters):
        return self.gradients((step + SHIFT) % STEPS, parameters), BATCH


class Noisy(Recorded):
    """The recorded gradients with noise of their own root mean square."""

    name = "noisy"

    def __init__(self, recorded):
        self.initial = recorded.initial
        Problem.__init__(self)
        random = np.random.default_rng(SEED + 1)
        self.recorded = {}
        for name, rows in recorded.recorded.items():
            size = np.sqrt((rows.astype("f8") ** 2).mean(axis=tuple(range(1, rows.ndim)), keepdims=True))
            self.recorded[name] = (rows + size * random.standard_normal(rows.shape)).astype(np.float32)


class Quadratic(Problem):
    """1/2 sum c (x - target)^2 over curvatures from 0.01 to 10."""

    name, steps, kept = "quadratic", 50, [50]

    def __init__(self):
        self.curvatures = np.float32([10.0, 4.0, 1.0, 0.5, 0.1, 0.01])
        self.target = np.float32([1.0, -2.0, 0.25, 3.0, -0.5, 1.0])
        self.initial = {"x": np.float32([0.5, 0.5, -1.0, 1.0, 1.5, -2.0])}
        super().__init__()

    def constants(self, x):
        return torch.from_numpy(self.curvatures).to(x.dtype), torch.from_numpy(self.target).to(x.dtype)

    def gradients(self, step, parameters):
        curvatures, target = self.constants(parameters[0])
        return [curvatures * (parameters[0].detach() - target)]

    def elsewhere(self, step, parameters):
        curvatures, target = self.constants(parameters[0])
        error = parameters[0].detach() - target
        return (0.5 * curvatures * error * error).sum(), self.gradients(step, parameters)

    def sampled(self, step, parameters):
        return [(self.constants(parameters[0])[0] / 4).sqrt()], 4


class Rosenbrock(Problem):
    """(1 - x)^2 + 100 (y - x^2)^2 from (-1.2, 1). Ten steps: the valley amplifies rounding."""

    name, steps, kept = "rosenbrock", 10, [10]

    def __init__(self):
        self.initial = {"x": np.float32([-1.2, 1.0])}
        super().__init__()

    def gradients(self, step, parameters):
        x, y = parameters[0].detach()
        rest = y - x * x
        return [torch.stack([-2 * (1 - x) - 400 * x * rest, 200 * rest])]

    def elsewhere(self, step, parameters):
        x, y = parameters[0].detach()
        rest = y - x * x
        return (1 - x) * (1 - x) + 100 * rest * rest, self.gradients(step, parameters)

    def sampled(self, step, parameters):
        return self.gradients(step, parameters), 1
