"""Single layers and losses: inputs, upstream gradients, outputs and gradients, from PyTorch in float64.

Inputs are float32 numbers computed on in float64; results are rounded to float32. No upstream is
all ones, so that a rule that forgets to multiply by it fails.

Usage: python layers.py OUTPUT.safetensors (the index goes beside it, as OUTPUT.json)
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

import networks

random = np.random.default_rng(6)


def normal(*shape):
    """Standard normal float32 numbers, held in float64."""
    return torch.from_numpy(random.standard_normal(shape).astype(np.float32)).double()


def differentiate(function, **inputs):
    """Inputs, upstream, output and a gradient per input of `function(**inputs)`."""
    leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    output = function(**leaves)
    upstream = normal(*output.shape)
    gradients = torch.autograd.grad(output, list(leaves.values()), upstream)
    named = {f"gradient.{name}": gradient for name, gradient in zip(leaves, gradients)}
    return inputs | {"upstream": upstream, "output": output.detach()} | named


def batch_norm_train(momentum):
    """The layer after three batches in training mode, and what the third one gave."""
    layer = nn.BatchNorm2d(5, momentum=momentum).double()
    parameters = {"weight": 1 + 0.5 * normal(5), "bias": 0.5 * normal(5)}
    parameters = {name: value.float().double() for name, value in parameters.items()}
    layer.load_state_dict(parameters, strict=False)
    tensors = {}
    for batch in range(3):
        value = (2 * normal(4, 5, 6, 6) + 0.5 * batch).float().double()
        call = lambda input, **p: torch.func.functional_call(layer, p, input)
        case = differentiate(call, input=value, **parameters)
        case |= {"running_mean": layer.running_mean.clone(), "running_var": layer.running_var.clone()}
        tensors |= {f"{key}.{batch}": value for key, value in case.items() if key not in parameters}
    return layer, parameters | tensors


def batch_norm_eval(layer, parameters):
    """The same layer in evaluation mode, on a fourth batch; it starts from the rounded statistics."""
    statistics = {n: getattr(layer, n).float().double() for n in ["running_mean", "running_var"]}
    call = lambda input, weight, bias: F.batch_norm(input, **statistics, weight=weight, bias=bias, training=False)
    own = {name: parameters[name] for name in ["weight", "bias"]}
    return statistics | differentiate(call, input=normal(4, 5, 6, 6), **own)


def cross_entropy(reduction, smoothing):
    """Logits with one confident row, so that a log-sum-exp without its shift would overflow."""
    logits = 3 * normal(6, 10)
    logits[5] = (40 * logits[5]).round()
    labels = torch.from_numpy(random.integers(0, 10, 6))
    call = lambda input: F.cross_entropy(input, labels, reduction=reduction, label_smoothing=smoothing)
    return differentiate(call, input=logits.float().double()) | {"labels": labels}


def conv(input_shape, weight_shape, **geometry):
    call = lambda input, weight, bias: F.conv2d(input, weight, bias, **geometry)
    return differentiate(call, input=normal(*input_shape), weight=normal(*weight_shape), bias=normal(weight_shape[0]))


def ties(*shape):
    """Integers in 0..3: most windows have several maxima, and PyTorch takes the first in row-major order."""
    return torch.from_numpy(random.integers(0, 3, shape)).double()


def cases():
    """Name to (settings, tensors)."""
    layer, train = batch_norm_train(momentum=0.1)
    pool = dict(kernel_size=3, stride=2, padding=1)
    span = ((torch.arange(21) - 10) * 0.6).reshape(3, 7).float().double()
    table = {
        "batch_norm2d_train": (dict(eps=1e-5, momentum=0.1, batches=3), train),
        "batch_norm2d_eval": (dict(eps=1e-5), batch_norm_eval(layer, train)),
        "conv2d_5x5_stride2_padding1": (dict(stride=2, padding=1), conv((2, 3, 9, 8), (4, 3, 5, 5), stride=2, padding=1)),
        "conv2d_1x1_stride2": (dict(stride=2, padding=0), conv((2, 3, 7, 6), (5, 3, 1, 1), stride=2)),
        # Negative on average: padding that counted as zero would win its windows.
        "max_pool2d": (pool, differentiate(lambda input: F.max_pool2d(input, **pool), input=(normal(2, 3, 8, 7) - 2).float().double())),
        "max_pool2d_ties": (pool, differentiate(lambda input: F.max_pool2d(input, **pool), input=ties(2, 3, 8, 7))),
        "avg_pool2d": (dict(kernel_size=2, stride=2), differentiate(lambda input: F.avg_pool2d(input, 2), input=normal(2, 3, 6, 8))),
        "avg_pool2d_odd": (dict(kernel_size=2, stride=2), differentiate(lambda input: F.avg_pool2d(input, 2), input=normal(2, 3, 7, 5))),
        "gelu": (dict(approximate="none"), differentiate(F.gelu, input=span)),
        "gelu_tanh": (dict(approximate="tanh"), differentiate(lambda input: F.gelu(input, approximate="tanh"), input=span)),
    }
    for reduction in ["mean", "sum"]:
        for suffix, smoothing in [("", 0.0), ("_smoothed", 0.1)]:
            settings = dict(reduction=reduction, label_smoothing=smoothing)
            table[f"cross_entropy_{reduction}{suffix}"] = (settings, cross_entropy(reduction, smoothing))
    return table


def stored(value):
    """Labels stay integers; every other number is rounded to float32."""
    return value.contiguous() if value.dtype == torch.int64 else value.float().contiguous()


def main(output):
    networks.deterministic()
    table = cases()
    save_file({f"{case}.{name}": stored(value) for case, (_, tensors) in table.items() for name, value in tensors.items()},
              output, {"made_by": "xtask/oracle/layers.py"})
    index = [{"name": case, "settings": settings, "tensors": {name: list(value.shape) for name, value in tensors.items()}}
             for case, (settings, tensors) in table.items()]
    # One line a case: the file is read by people too.
    lines = ",\n".join("  " + json.dumps(entry) for entry in index)
    Path(output).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
    print(f"  {len(table)} cases")


main(sys.argv[1])
