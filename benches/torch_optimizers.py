"""Steps of PyTorch's optimizers, for comparison with `cargo bench -p benches --bench optimizers`: median milliseconds.

Usage: python torch_optimizers.py [THREADS] (2 threads unless told; pytorch-optimizer is used if it is there)
"""

import statistics
import sys
import time

import torch

SIZES = [314_922, 25_000_000]


def measure(make, shape, steps):
    parameter = torch.nn.Parameter(torch.randn(shape) * 0.1)
    parameter.grad = torch.randn(shape) * 0.01
    optimizer = make([parameter])
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[2:])


def main(threads):
    torch.set_num_threads(threads)
    T = torch.optim
    fused = {
        "sgd": lambda p: T.SGD(p, lr=1e-3, fused=True),
        "sgd momentum": lambda p: T.SGD(p, lr=1e-3, momentum=0.9, fused=True),
        "adam": lambda p: T.Adam(p, fused=True),
        "adamw": lambda p: T.AdamW(p, fused=True),
    }
    for size in SIZES:
        for name, make in fused.items():
            print(f"{name:<14} {size:>10}  {measure(make, (size,), 200 if size < 1e6 else 15):8.3f} ms")
    matrices = {"muon": lambda p: T.Muon(p)}
    try:
        import pytorch_optimizer as po

        matrices |= {"shampoo": lambda p: po.ScalableShampoo(p), "soap": lambda p: po.SOAP(p)}
    except ImportError:
        pass
    for name, make in matrices.items():
        print(f"{name:<14}  512 x 512  {measure(make, (512, 512), 32):8.3f} ms")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
