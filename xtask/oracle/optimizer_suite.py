"""Every optimizer on recorded gradients, a quadratic and Rosenbrock's function, in float64 and float32.

Usage: python optimizer_suite.py OUTPUT.safetensors (the index goes beside it, as OUTPUT.json)
"""

import json
import os
import sys
import warnings
from pathlib import Path

# Compiled functions would leave out what is not traced, and take minutes.
os.environ["TORCHDYNAMO_DISABLE"] = "1"
warnings.filterwarnings("ignore")

import numpy as np
import torch
from safetensors.numpy import save_file

import networks
import suite_cases
import suite_problems as problems
import suite_rules as rules


def run(rule, problem, dtype):
    """Parameters after each kept step, and the weights of evaluation after the last, lists of tensors."""
    torch.set_default_dtype(dtype)
    rule.start([torch.from_numpy(v).to(dtype) for v in problem.initial.values()])
    kept = []
    for step in range(problem.steps):
        rule.step(problem.gradients(step, rule.values()), rules.Question(problem, step))
        if step + 1 in problem.kept:
            kept.append([v.double().numpy() for v in rule.values()])
    evaluated = [v.double().numpy() for v in rule.evaluated()] if hasattr(rule, "evaluated") else None
    torch.set_default_dtype(torch.float32)
    return kept, evaluated


def relative(found, expect, start):
    """The largest difference over the largest total update, at worst over the tensors."""
    worst = 0.0
    for f, e, s in zip(found, expect, start):
        update = abs(e - s).max()
        if update > 0:
            worst = max(worst, abs(f - e).max() / update)
    return worst


def one(case, problem):
    """The tensors of a case on a problem, and the float32 errors at its kept steps."""
    (kept, evaluated), (single, _) = (run(case["rule"](), problem, dtype) for dtype in (torch.float64, torch.float32))
    prefix = f"{case['name']}.{problem.name}"
    names = list(problem.initial)
    tensors = {f"{prefix}.{n}": np.stack([row[i] for row in kept]) for i, n in enumerate(names)}
    if evaluated:
        tensors |= {f"{prefix}.evaluated.{n}": evaluated[i] for i, n in enumerate(names)}
    start = list(problem.initial.values())
    errors = [relative(f, e, s) for f, e, s in zip(single, kept, [start] * len(kept))]
    return tensors, errors


def rates(make, steps=60):
    """The learning rate of each step under a scheduler."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(found) < steps:
            scheduler.step()
    return found


def main(output):
    networks.deterministic()
    torch.use_deterministic_algorithms(False)
    recorded = problems.Recorded()
    all_problems = [recorded, problems.Noisy(recorded), problems.Quadratic(), problems.Rosenbrock()]
    tensors = {}
    for problem in all_problems:
        tensors |= {f"initial.{problem.name}.{n}": v for n, v in problem.initial.items()}
        tensors |= {f"probes.{problem.name}.{n}": v for n, v in problem.probes.items()}
    for problem in all_problems[:2]:
        tensors |= {f"gradients.{problem.name}.{n}": v for n, v in problem.recorded.items()}
    index = []
    for case in suite_cases.CASES:
        errors = {}
        for problem in all_problems:
            if problem.name in case["problems"]:
                found, errors[problem.name] = one(case, problem)
                tensors |= found
        print(f"  {case['name']:<32} " + "  ".join(f"{n} {max(e):.1e}" for n, e in errors.items()))
        index.append({key: value for key, value in case.items() if key not in ("rule", "problems")} | {"f32": errors})
    save_file({n: np.ascontiguousarray(v) for n, v in tensors.items()}, output, {"made_by": "xtask/oracle/optimizer_suite.py"})
    shapes = {p.name: {n: list(v.shape) for n, v in p.initial.items()} for p in all_problems}
    steps = {p.name: {"steps": p.steps, "kept": p.kept} for p in all_problems}
    text = {"shift": problems.SHIFT, "batch": problems.BATCH, "shapes": shapes, "steps": steps, "cases": index,
            "schedules": {name: rates(make) for name, make in suite_cases.SCHEDULES.items()}}
    Path(output).with_suffix(".json").write_text(json.dumps(text, indent=1) + "\n")


main(sys.argv[1])
