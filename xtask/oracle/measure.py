"""What the two network fixtures measure: gradients of one batch, and losses of a free run of 30 steps.

Each is computed three ways: float64 (the truth), float32 in PyTorch's default layout (NCHW) and
float32 in its channels-last layout (NHWC). The float32 results say how much rounding costs PyTorch
itself, which is the yardstick for another implementation.
"""

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import networks

GRADIENT_BATCH = 64
STEPS = 30
BATCH = 50
WAYS = {
    "f64": (torch.float64, torch.contiguous_format),
    "f32": (torch.float32, torch.contiguous_format),
    "f32_nhwc": (torch.float32, torch.channels_last),
}


def one_batch(kind, weights, way):
    """Logits, mean loss and gradients by name, for records 0..64 of the sample."""
    network, images, labels = prepare(kind, weights, way)
    logits = network(images[:GRADIENT_BATCH])
    loss = F.cross_entropy(logits, labels[:GRADIENT_BATCH])
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    return logits.detach(), loss.detach(), gradients


def free_run(kind, weights, way, make_optimizer):
    """Mean losses of 30 steps, each taken before its update; step k sees records 50k..50k+50."""
    network, images, labels = prepare(kind, weights, way)
    optimizer = make_optimizer(network.parameters())
    losses = []
    for step in range(STEPS):
        batch = slice(BATCH * step, BATCH * (step + 1))
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def prepare(kind, weights, way):
    """The network, images and labels in the number type and layout of a way."""
    dtype, memory_format = WAYS[way]
    images, labels = networks.sample()
    images = images.to(dtype).contiguous(memory_format=memory_format)
    return networks.build(kind, weights, dtype, memory_format), images, labels


def gradient_tensors(kind, weights):
    """Weights, logits, loss, gradients and PyTorch's own float32 errors, under the fixture's names."""
    logits, loss, truth = one_batch(kind, weights, "f64")
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    tensors |= {"logits_f64": logits, "loss_f64": loss}
    tensors |= {f"gradient.{name}": gradient.float() for name, gradient in truth.items()}
    for layout, way in [("nchw", "f32"), ("nhwc", "f32_nhwc")]:
        logits, loss, gradients = one_batch(kind, weights, way)
        if layout == "nchw":
            tensors |= {"logits": logits, "loss": loss}
        for name, gradient in gradients.items():
            error = (gradient.double() - truth[name]).norm() / truth[name].norm()
            tensors[f"torch_f32_error_{layout}.{name}"] = error
    return tensors


def run_tensors(kind, weights, optimizers):
    """`losses.<optimizer>.<way>` for every optimizer and way."""
    return {
        f"losses.{name}.{way}": free_run(kind, weights, way, make)
        for name, make in optimizers.items()
        for way in WAYS
    }


def report(tensors):
    """Print PyTorch's float32 error of each gradient, and how far its float32 runs leave the float64 ones."""
    head = "torch_f32_error_nchw."
    for name in [name.removeprefix(head) for name in tensors if name.startswith(head)]:
        nchw, nhwc = (tensors[f"torch_f32_error_{layout}.{name}"] for layout in ["nchw", "nhwc"])
        print(f"  {name:<14} relative float32 error: {nchw:.2e} NCHW, {nhwc:.2e} NHWC")
    for name in [name.split(".")[1] for name in tensors if name.startswith("losses.") and name.endswith(".f64")]:
        truth, nchw, nhwc = (tensors[f"losses.{name}.{way}"].double() for way in WAYS)
        gaps = [relative(nchw, truth), relative(nhwc, truth), relative(nchw, nhwc)]
        print("  {:<14} largest relative gap of a loss: {:.2e} NCHW-f64, {:.2e} NHWC-f64, {:.2e} NCHW-NHWC; "
              "loss {:.4f} to {:.4f}".format(name, *gaps, truth[0], truth[-1]))


def relative(losses, truth):
    """The largest relative difference of two series of losses."""
    return ((losses - truth).abs() / truth).max().item()


def save(tensors, path, script):
    """Write contiguous copies. One metadata key: with more, the header's order is not fixed."""
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, {"made_by": f"xtask/oracle/{script}"})
