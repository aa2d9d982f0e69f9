"""Times PyTorch's training step of the paper's CNN, and its optimizers alone, for `cargo xtask bench`.

Reads requests from standard input, one JSON object a line, those of `benches/timer.rs`, and answers each with the milliseconds of its steps;
with none for an optimizer that is not installed, and with fewer than were asked for where they take longer than two seconds together (Muon where the processor
does not multiply bfloat16). A step is zero_grad, forward, backward, Adam. `--tuned` is the fastest configuration found: channels innermost, fused
Adam, and an allocator that keeps freed memory, which glibc reads from the environment only when a process starts.
"""

import json
import os
import sys
import time

KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "2000000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
TUNED = "--tuned" in sys.argv[1:]
if TUNED and any(name not in os.environ for name in KEEP_MEMORY):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})

import torch  # noqa: E402  (after the environment is set)
from torch import nn  # noqa: E402


class Step:
    """A model, its optimizer and a batch that is used again and again."""

    def __init__(self, width, side, batch_size):
        torch.manual_seed(0)
        layout = torch.channels_last if TUNED else torch.contiguous_format
        blocks, channels = [], 3
        for _ in range(3):
            for _ in range(2):
                blocks += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            blocks.append(nn.MaxPool2d(2))
        head = [nn.Flatten(), nn.Linear(width * (side // 8) ** 2, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
        self.model = nn.Sequential(*blocks, *head).to(memory_format=layout)
        self.adam = torch.optim.Adam(self.model.parameters(), lr=1e-3, **({"fused": True} if TUNED else {}))
        self.images = torch.rand(batch_size, 3, side, side).contiguous(memory_format=layout)
        self.labels = torch.randint(0, 10, (batch_size,))

    def run(self):
        self.adam.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(self.model(self.images), self.labels).backward()
        self.adam.step()


def shampoo(parameters):
    from pytorch_optimizer import Shampoo

    # As often as ours computes its preconditioners.
    return Shampoo(parameters, preconditioning_compute_steps=10)


def soap(parameters):
    from pytorch_optimizer import SOAP

    return SOAP(parameters)


FUSED = {"fused": True} if TUNED else {}
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-3, **FUSED),
    "adam": lambda parameters: torch.optim.Adam(parameters, **FUSED),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, **FUSED),
    "muon": lambda parameters: torch.optim.Muon(parameters),
    "shampoo": shampoo,
    "soap": soap,
}


class Update:
    """An optimizer's update of one parameter with the same gradient at each step."""

    def __init__(self, name, shape):
        torch.manual_seed(0)
        parameter = nn.Parameter(torch.randn(shape) * 0.1)
        parameter.grad = torch.randn(shape) * 0.01
        self.run = OPTIMIZERS[name]([parameter]).step


def prepared(request):
    """What a request runs, after a first time that is not timed; nothing if it is not installed."""
    kind, of = next(iter(request.items()))
    torch.set_num_threads(of["threads"])
    if kind == "step":
        key = (of["width"], of["side"], of["batch_size"])
    else:
        key = (of["name"], tuple(of["shape"]))
    if key not in known:
        try:
            known[key] = Step(*key) if kind == "step" else Update(*key)
            known[key].run()
        except ImportError:
            known[key] = None
    return known[key]


LIMIT_MS = 2000

known = {}
for line in sys.stdin:
    request = json.loads(line)
    work, times = prepared(request), []
    for _ in range(next(iter(request.values()))["steps"] if work else 0):
        start = time.perf_counter()
        work.run()
        times.append((time.perf_counter() - start) * 1e3)
        if sum(times) > LIMIT_MS:
            break
    print(json.dumps({"ms": times, "version": torch.__version__}), flush=True)
