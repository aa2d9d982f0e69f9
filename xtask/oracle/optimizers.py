"""Optimizer trajectories: 50 steps of stored gradients through torch.optim, in float64 and float32.

The Adam paper's own epsilon-hat form is not in torch.optim; it is transcribed here from section 2.

Usage: python optimizers.py OUTPUT.safetensors (the index goes beside it, as OUTPUT.json)
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import networks

SEED = 50
STEPS = 50
KEPT = [1, 2, 10, 50]
SHAPES = {"conv.weight": (4, 3, 3, 3), "linear.weight": (5, 7), "linear.bias": (7,), "scalar": (1,)}

SGD = dict(rule="sgd", lr=0.1, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0)
ADAM = dict(rule="adam", lr=1e-3, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.0)
ADAMW = dict(ADAM, rule="adamw", weight_decay=0.01)
EPSILON_HAT = dict(rule="adam_epsilon_hat", lr=1e-3, betas=[0.9, 0.999], eps=1e-8)

CASES = {
    "sgd": SGD,
    "sgd_momentum": dict(SGD, momentum=0.9),
    "sgd_momentum_dampening": dict(SGD, momentum=0.9, dampening=0.1),
    "sgd_nesterov": dict(SGD, momentum=0.9, nesterov=True),
    "sgd_weight_decay": dict(SGD, weight_decay=0.01),
    "sgd_nesterov_weight_decay": dict(SGD, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": ADAM,
    "adam_betas_eps": dict(ADAM, betas=[0.8, 0.95], eps=1e-4),
    "adam_weight_decay": dict(ADAM, weight_decay=0.01),
    "adamw": ADAMW,
    "adamw_weight_decay": dict(ADAMW, weight_decay=0.1),
    "adamw_lr": dict(ADAMW, lr=3e-2),
    "adam_epsilon_hat": EPSILON_HAT,
    "adam_epsilon_hat_1e-5": dict(EPSILON_HAT, eps=1e-5),
    "adam_epsilon_hat_1e-3": dict(EPSILON_HAT, eps=1e-3),
    "adam_epsilon_hat_betas": dict(EPSILON_HAT, betas=[0.8, 0.95], eps=1e-4),
}
TORCH = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def inputs():
    """Initial parameters, and gradients `[50, shape]`, both by name and float32.

    A gradient's scale wanders over three decades from step to step; a tenth of its elements are exact
    zeros, step 7 is all zeros, and the first row of linear.weight never receives a gradient.
    """
    random = np.random.default_rng(SEED)
    scale = 10 ** random.uniform(-3, 0, STEPS)
    scale[6] = 0
    initial, gradients = {}, {}
    for name, shape in SHAPES.items():
        initial[name] = (0.5 * random.standard_normal(shape)).astype(np.float32)
        noise = random.standard_normal((STEPS, *shape)) * (random.random((STEPS, *shape)) > 0.1)
        gradients[name] = (noise * scale.reshape(-1, *[1] * len(shape))).astype(np.float32)
    gradients["linear.weight"][:, 0] = 0
    return initial, gradients


def torch_trajectory(case, initial, gradients, dtype):
    """Parameters after every step of torch.optim: name to `[50, shape]`."""
    parameters = {n: torch.nn.Parameter(torch.from_numpy(v).to(dtype, copy=True)) for n, v in initial.items()}
    settings = {key: value for key, value in case.items() if key != "rule"}
    optimizer = TORCH[case["rule"]](parameters.values(), foreach=False, **settings)
    history = {name: [] for name in parameters}
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = torch.from_numpy(gradients[name][step]).to(dtype)
        optimizer.step()
        for name, parameter in parameters.items():
            history[name].append(parameter.detach().clone())
    return {name: torch.stack(values) for name, values in history.items()}


def epsilon_hat_trajectory(case, initial, gradients):
    """Kingma and Ba, "Adam", end of section 2: alpha_t carries both corrections, epsilon-hat none."""
    (beta1, beta2), history = case["betas"], {}
    for name, start in initial.items():
        theta, values = start.astype(np.float64), []
        m, v = np.zeros_like(theta), np.zeros_like(theta)
        for t, g in enumerate(gradients[name].astype(np.float64), start=1):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            alpha_t = case["lr"] * math.sqrt(1 - beta2**t) / (1 - beta1**t)
            theta = theta - alpha_t * m / (np.sqrt(v) + case["eps"])
            values.append(theta)
        history[name] = torch.from_numpy(np.stack(values))
    return history


def case_tensors(label, case, initial, gradients):
    """`<case>.<f64 or f32>.<parameter>`: the parameters after the kept steps, `[4, shape]`."""
    if case["rule"] == "adam_epsilon_hat":
        runs = {"f64": epsilon_hat_trajectory(case, initial, gradients)}
    else:
        runs = {"f64": torch_trajectory(case, initial, gradients, torch.float64),
                "f32": torch_trajectory(case, initial, gradients, torch.float32)}
        gap = max((runs["f32"][n].double() - v).abs().max().item() for n, v in runs["f64"].items())
        print(f"  {label:<26} largest |f32 - f64| of a parameter over 50 steps: {gap:.2e}")
    rows = [step - 1 for step in KEPT]
    return {f"{label}.{kind}.{n}": v[rows] for kind, run in runs.items() for n, v in run.items()}


def main(output):
    networks.deterministic()
    initial, gradients = inputs()
    tensors = {f"initial.{name}": torch.from_numpy(value) for name, value in initial.items()}
    tensors |= {f"gradients.{name}": torch.from_numpy(value) for name, value in gradients.items()}
    for label, case in CASES.items():
        tensors |= case_tensors(label, case, initial, gradients)
    save_file(tensors, output, {"made_by": "xtask/oracle/optimizers.py"})
    index = {
        "parameters": [{"name": name, "shape": shape} for name, shape in SHAPES.items()],
        "steps": STEPS,
        "kept_steps": KEPT,
        "cases": [{"name": label} | case for label, case in CASES.items()],
    }
    Path(output).with_suffix(".json").write_text(json.dumps(index, indent=2) + "\n")


main(sys.argv[1])
