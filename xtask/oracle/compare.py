"""Compare a stored fixture with a fresh one: same names, types and shapes, and close values.

A processor with other instructions rounds PyTorch's float32 results differently, and a free run of a
network with ReLU carries that on; so what was computed in float32 has wide bounds or none, and what was
computed in float64 has the narrow one.

Usage: python compare.py STORED FRESH (two .safetensors or two .json files)
"""

import json
import re
import sys
from pathlib import Path

from safetensors.numpy import load_file

# The first pattern that a tensor's name matches gives its bound.
BOUNDS = [
    # Rounding errors themselves: they say how a machine rounds, so they are reported only.
    (re.compile(r"^torch_f32_error_"), float("inf")),
    # Between PyTorch's own two layouts these losses already part by 2e-2 within 30 steps.
    (re.compile(r"^losses\..*\.f32"), 1e-1),
    # Other float32 results.
    (re.compile(r"\.f32\.|^logits$|^loss$"), 1e-4),
    # Computed in float64, some then rounded to float32.
    (re.compile(r""), 1e-6),
]


def difference(stored, fresh):
    """The largest absolute difference over the largest absolute value."""
    scale = max(abs(stored.astype("f8")).max(), 1e-30)
    return abs(stored.astype("f8") - fresh.astype("f8")).max() / scale


def bound(name):
    return next(limit for pattern, limit in BOUNDS if pattern.search(name))


def layout(tensors):
    return {name: (str(value.dtype), value.shape) for name, value in tensors.items()}


def compare_tensors(stored, fresh):
    """One line on success; exits with one line that names the tensor that is off."""
    stored, fresh = load_file(stored), load_file(fresh)
    if layout(stored) != layout(fresh):
        odd = sorted(name for name, _ in layout(stored).items() ^ layout(fresh).items())
        sys.exit(f"other tensors, types or shapes: {', '.join(dict.fromkeys(odd))}")
    gaps = {name: difference(value, fresh[name]) for name, value in stored.items()}
    # `not <=` also catches a NaN.
    broken = [f"{name} by {gap:.2e} (bound {bound(name):.0e})" for name, gap in gaps.items() if not gap <= bound(name)]
    if broken:
        sys.exit(f"{len(broken)} of {len(gaps)} tensors differ: {', '.join(broken[:5])}")
    worst = max(gaps, key=gaps.get)
    print(f"  within bounds; largest relative difference {gaps[worst]:.2e}, in {worst}")


def main(stored, fresh):
    if Path(stored).read_bytes() == Path(fresh).read_bytes():
        print("  identical bytes")
    elif stored.endswith(".json"):
        same = json.loads(Path(stored).read_text()) == json.loads(Path(fresh).read_text())
        print("  same content") if same else sys.exit("another index")
    else:
        compare_tensors(stored, fresh)


main(*sys.argv[1:])
