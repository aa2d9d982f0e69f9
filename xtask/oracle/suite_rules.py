"""Optimizers behind one small interface: a rule is made from a list of parameters and steps with their gradients.

`Torch` drives optimizers of torch.optim and of packages with its interface, `Optax` those of optax. The others are
transcriptions of the papers' algorithms, for where no trustworthy implementation exists or two disagree; each says why.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

jax.config.update("jax_enable_x64", True)


class Question:
    """What a rule may ask the problem at a step."""

    def __init__(self, problem, step):
        self.problem, self.step = problem, step

    def elsewhere(self, parameters):
        return self.problem.elsewhere(self.step, parameters)

    def sampled(self, parameters):
        return self.problem.sampled(self.step, parameters)

    def probe(self, at, parameter):
        return self.problem.probe(self.step, at).to(parameter.dtype)


class Torch:
    """An optimizer of torch.optim's interface: `make(parameters)` returns it."""

    def __init__(self, make):
        self.make = make

    def start(self, parameters):
        self.parameters = [torch.nn.Parameter(p.clone()) for p in parameters]
        self.optimizer = self.make(self.parameters)

    def step(self, gradients, question):
        for p, g in zip(self.parameters, gradients):
            p.grad = g.clone()
        self.optimizer.step()

    def values(self):
        return [p.detach().clone() for p in self.parameters]


class ScheduleFree(Torch):
    """An optimizer of schedulefree, whose weights of evaluation are others."""

    def start(self, parameters):
        super().start(parameters)
        self.optimizer.train()

    def evaluated(self):
        self.optimizer.eval()
        values = self.values()
        self.optimizer.train()
        return values


class Averaged(Torch):
    """An optimizer of torch.optim whose state holds the weights of evaluation."""

    def __init__(self, make, key):
        super().__init__(make)
        self.key = key

    def evaluated(self):
        return [self.optimizer.state[p][self.key].detach().clone() for p in self.parameters]


class Closure(Torch):
    """An optimizer of torch.optim that evaluates the batch itself."""

    def step(self, gradients, question):
        first = [gradients]

        def closure():
            # The first evaluation is the step's own.
            loss, found = question.elsewhere(self.parameters)
            found = first.pop() if first else found
            for p, g in zip(self.parameters, found):
                p.grad = g.clone()
            return torch.as_tensor(loss)

        self.optimizer.step(closure)


class Clipped(Torch):
    """An optimizer after gradient clipping."""

    def __init__(self, make, clip):
        super().__init__(make)
        self.clip = clip

    def step(self, gradients, question):
        for p, g in zip(self.parameters, gradients):
            p.grad = g.clone()
        self.clip(self.parameters)
        self.optimizer.step()


class Optax:
    """A gradient transformation of optax."""

    def __init__(self, transformation):
        self.transformation = transformation

    def start(self, parameters):
        self.parameters = [jnp.asarray(p.numpy()) for p in parameters]
        self.state = self.transformation.init(self.parameters)
        self.update = jax.jit(self.transformation.update)

    def step(self, gradients, question):
        gradients = [jnp.asarray(g.numpy()) for g in gradients]
        updates, self.state = self.update(gradients, self.state, self.parameters)
        self.parameters = optax.apply_updates(self.parameters, updates)

    def values(self):
        return [torch.from_numpy(np.asarray(p).copy()) for p in self.parameters]


class Transcribed:
    """A rule written out below: subclasses say what a step does to `self.parameters`, in torch and in the parameters' type."""

    def __init__(self, **options):
        self.__dict__.update(options)

    def start(self, parameters):
        self.parameters = [p.clone() for p in parameters]
        self.t = 0
        self.begin()

    def begin(self):
        pass

    def zeros(self):
        return [torch.zeros_like(p) for p in self.parameters]

    def step(self, gradients, question):
        self.t += 1
        self.update(gradients, question)

    def values(self):
        return [p.clone() for p in self.parameters]


class Lars(Transcribed):
    """You, Gitman and Ginsburg (2017), algorithm 1. optax divides by |g + wd p| where the paper has |g| + wd |p|."""

    def begin(self):
        self.v = self.zeros()

    def update(self, gradients, question):
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            p_norm, g_norm = p.norm(), g.norm()
            trust = self.trust * p_norm / (g_norm + self.weight_decay * p_norm) if p_norm > 0 and g_norm > 0 else 1.0
            self.v[i] = self.momentum * self.v[i] + self.lr * trust * (g + self.weight_decay * p)
            self.parameters[i] = p - self.v[i]


class Adopt(Transcribed):
    """Taniguchi et al. (2024), algorithm 2, as in the authors' code, with any power for the bound of the clipping."""

    def begin(self):
        self.m, self.v = self.zeros(), self.zeros()

    def update(self, gradients, question):
        beta1, beta2 = self.betas
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            g = g if self.decoupled else g + self.weight_decay * p
            if self.t > 1:
                clip = (self.t - 1) ** self.clip_exponent
                scaled = (g / self.v[i].sqrt().clamp(min=self.eps)).clamp(-clip, clip)
                self.m[i] = beta1 * self.m[i] + (1 - beta1) * scaled
                decay = self.lr * self.weight_decay if self.decoupled else 0.0
                self.parameters[i] = p - decay * p - self.lr * self.m[i]
                self.v[i] = beta2 * self.v[i] + (1 - beta2) * g * g
            else:
                self.v[i] = g * g


class AdEmaMix(Transcribed):
    """Pagliardini, Ablin and Grangier (2024), algorithm 1 with the schedulers of appendix A.1."""

    def begin(self):
        self.fast, self.slow, self.v = self.zeros(), self.zeros(), self.zeros()

    def update(self, gradients, question):
        beta1, beta2, beta3 = self.betas
        t, alpha, b3 = self.t, self.alpha, beta3
        if t < self.warmup:
            alpha = t / self.warmup * self.alpha
            l1, l3, share = math.log(beta1), math.log(beta3), t / self.warmup
            b3 = min(math.exp(l1 * l3 / ((1 - share) * l3 + share * l1)), beta3)
        for i, g in enumerate(gradients):
            self.fast[i] = beta1 * self.fast[i] + (1 - beta1) * g
            self.slow[i] = b3 * self.slow[i] + (1 - b3) * g
            self.v[i] = beta2 * self.v[i] + (1 - beta2) * g * g
            fast, v = self.fast[i] / (1 - beta1**t), self.v[i] / (1 - beta2**t)
            p = self.parameters[i]
            u = (fast + alpha * self.slow[i]) / (v.sqrt() + self.eps)
            self.parameters[i] = p - self.lr * (u + self.weight_decay * p)


class Mars(Transcribed):
    """Yuan et al. (2024), algorithm 2 in its approximate form. pytorch-optimizer divides eps by the root of the second
    bias correction, the paper and the authors' code add it after the correction, as Adam does."""

    def begin(self):
        self.m, self.v, self.last = self.zeros(), self.zeros(), self.zeros()

    def update(self, gradients, question):
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            corrects = self.optimize_1d or p.dim() >= 2
            (beta1, beta2), lr, decay, c = self.betas_1d, self.lr_1d, self.weight_decay_1d, g
            if corrects:
                (beta1, beta2), lr, decay = self.betas, self.lr, self.weight_decay
                c = g + self.gamma * beta1 / (1 - beta1) * (g - self.last[i])
                c = c / c.norm().clamp(min=1.0)
            self.last[i] = g
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * c
            self.v[i] = beta2 * self.v[i] + (1 - beta2) * c * c
            denominator = (self.v[i] / (1 - beta2**self.t)).sqrt() + self.eps
            self.parameters[i] = p - lr * (self.m[i] / (1 - beta1**self.t) / denominator + decay * p)


def newton_schulz(matrix, steps, eps):
    """Jordan et al. (2024). torch.optim.Muon and pytorch-optimizer iterate in bfloat16; here it is the matrix's type."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T) / matrix.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x if wide else x.T


class Muon(Transcribed):
    """torch.optim.Muon but for the type of the iteration, and AdamW for what is no matrix."""

    def begin(self):
        self.b, self.v = self.zeros(), self.zeros()

    def update(self, gradients, question):
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            if p.dim() >= 2:
                self.b[i] = self.momentum * self.b[i] + (1 - self.momentum) * g
                u = (1 - self.momentum) * g + self.momentum * self.b[i] if self.nesterov else self.b[i]
                o = newton_schulz(u.reshape(p.shape[0], -1), self.ns_steps, self.eps)
                rows, columns = o.shape
                ratio = 0.2 * math.sqrt(max(rows, columns)) if self.match_rms_adamw else math.sqrt(max(1, rows / columns))
                self.parameters[i] = p - self.lr * self.weight_decay * p - self.lr * ratio * o.reshape(p.shape)
            else:
                beta1, beta2 = self.adamw_betas
                self.b[i] = beta1 * self.b[i] + (1 - beta1) * g
                self.v[i] = beta2 * self.v[i] + (1 - beta2) * g * g
                m, v = self.b[i] / (1 - beta1**self.t), self.v[i] / (1 - beta2**self.t)
                decay = self.adamw_weight_decay * p
                self.parameters[i] = p - self.adamw_lr * (m / (v.sqrt() + self.adamw_eps) + decay)


def unfold(tensor, axis):
    """The matrix whose rows run along an axis."""
    return tensor.movedim(axis, 0).reshape(tensor.shape[axis], -1)


def along(tensor, axis, matrix):
    """The product of a matrix with every line along an axis."""
    return torch.tensordot(matrix, tensor, dims=([1], [axis])).movedim(0, axis)


class Shampoo(Transcribed):
    """Shi et al. (2023), "A distributed data-parallel PyTorch implementation of the distributed Shampoo optimizer",
    algorithm 2 with Adam's grafting and no blocks. pytorch-optimizer's is Google's variant (other exponents, blocks,
    grafting), its `Shampoo` the paper's of 2018 without grafting; the authors' own package is not on the index."""

    def begin(self):
        self.m, self.v = self.zeros(), self.zeros()
        axes = [[k for k in range(p.dim()) if p.shape[k] <= self.max_dim] for p in self.parameters]
        self.l = [{k: torch.zeros(p.shape[k], p.shape[k]) for k in ks} for p, ks in zip(self.parameters, axes)]
        self.root = [{} for _ in self.parameters]

    def inverse_root(self, matrix, order):
        values, vectors = torch.linalg.eigh(matrix)
        values = values - min(values.min().item(), 0.0) + self.eps
        return vectors @ torch.diag(values ** (-1 / (2 * order))) @ vectors.T

    def update(self, gradients, question):
        beta1, beta2 = self.betas
        begin = self.begin_at or self.every
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            for k, l in self.l[i].items():
                self.l[i][k] = beta2 * l + (1 - beta2) * unfold(g, k) @ unfold(g, k).T
            if self.t % self.every == 0:
                c2 = 1 - beta2**self.t
                self.root[i] = {k: self.inverse_root(l / c2, p.dim()) for k, l in self.l[i].items()}
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * g
            self.v[i] = beta2 * self.v[i] + (1 - beta2) * g * g
            m = self.m[i] / (1 - beta1**self.t)
            grafted = m / ((self.v[i] / (1 - beta2**self.t)).sqrt() + self.grafting_eps)
            if self.t >= begin:
                direction = m
                for k, root in self.root[i].items():
                    direction = along(direction, k, root)
                grafted = direction * (grafted.norm() / (direction.norm() + 1e-16))
            self.parameters[i] = p - self.lr * (grafted + self.weight_decay * p)


class Soap(Transcribed):
    """Vyas et al. (2024), algorithm 3, as in the authors' code (pytorch-optimizer's copy of it): the first step only
    prepares, bases of the gradient's moments turn by one step of power iteration and a QR decomposition."""

    def begin(self):
        self.m, self.v = self.zeros(), self.zeros()
        axes = [[k for k in range(p.dim()) if p.dim() > 1 and p.shape[k] <= self.max_dim] for p in self.parameters]
        self.g = [{k: torch.zeros(p.shape[k], p.shape[k]) for k in ks} for p, ks in zip(self.parameters, axes)]
        self.q = [{} for _ in self.parameters]

    def accumulate(self, i, g):
        for k in self.g[i]:
            self.g[i][k] = self.shampoo_beta * self.g[i][k] + (1 - self.shampoo_beta) * unfold(g, k) @ unfold(g, k).T

    def update(self, gradients, question):
        beta1, beta2 = self.betas
        t = self.t - 1
        for i, g in enumerate(gradients):
            if t == 0:
                self.accumulate(i, g)
                self.q[i] = {k: torch.linalg.eigh(m)[1].flip(1) for k, m in self.g[i].items()}
                continue
            turned, p = g, self.parameters[i]
            for k, q in self.q[i].items():
                turned = along(turned, k, q.T)
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * g
            self.v[i] = beta2 * self.v[i] + (1 - beta2) * turned * turned
            step = self.m[i]
            for k, q in self.q[i].items():
                step = along(step, k, q.T)
            step = step / (self.v[i].sqrt() + self.eps)
            for k, q in self.q[i].items():
                step = along(step, k, q)
            p = p - self.lr * math.sqrt(1 - beta2**t) / (1 - beta1**t) * step
            self.parameters[i] = p - self.lr * self.weight_decay * p
            self.accumulate(i, g)
            if t % self.every == 0:
                self.turn(i)

    def turn(self, i):
        for k, m in self.g[i].items():
            product = m @ self.q[i][k]
            order = torch.argsort((self.q[i][k] * product).sum(0), descending=True)
            self.v[i] = self.v[i].index_select(k, order)
            self.q[i][k] = torch.linalg.qr(product.index_select(1, order))[0]


class PsgdKron(Transcribed):
    """Li's PSGD with Kronecker factors as in kron-torch (class Kron), on stored probes. kron-torch solves triangular
    systems in float32, balances at random steps, decays matrices only, and adds the noise of the preconditioner's update
    to the momentum that it then steps with; here the parameters' type is used throughout, balancing comes every 100
    steps, everything decays, the step is free of that noise, and the squarer matrix is that of the smaller difference, where
    kron-torch compares signed ones."""

    def begin(self):
        self.m = self.zeros()
        self.q = []
        for p in self.parameters:
            rows, columns = self.matrix(p)
            scale = self.scale ** (1 / (1 if p.dim() < 2 else 2))
            full = lambda n: p.dim() >= 2 and 1 < n <= self.max_size
            make = lambda n: scale * (torch.eye(n) if full(n) else torch.ones(n))
            self.q.append([make(rows)] if p.dim() < 2 else [make(rows), make(columns)])
        self.counter = 0

    @staticmethod
    def matrix(p):
        """The squarer of the two ways to see a tensor as a matrix."""
        if p.dim() < 2:
            return p.numel(), 1
        ways = [(p.numel() // p.shape[-1], p.shape[-1]), (p.shape[0], p.numel() // p.shape[0])]
        return ways[0] if p.dim() > 2 and abs(ways[0][1] - ways[0][0]) <= abs(ways[1][1] - ways[1][0]) else ways[1]

    @staticmethod
    def bound(a):
        """A lower bound of the spectral norm."""
        largest = a.abs().max()
        if largest == 0:
            return largest
        a = a / largest
        column = a[:, torch.argmax((a * a).sum(0))]
        x = column @ a
        x = a @ (x / x.norm())
        return x.norm() * largest

    def update(self, gradients, question):
        probability = min(max(math.exp(-0.001 * (self.t - 1 - 500)), 0.03), 1.0)
        self.counter += 1
        due = self.counter >= 1 / probability
        if due:
            self.counter = 0
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            self.m[i] = self.momentum * self.m[i] + (1 - self.momentum) * g
            m = (self.m[i] / (1 - self.momentum**self.t)).reshape(self.matrix(p))
            if p.dim() >= 2 and self.t % 100 == 0:
                norms = [q.abs().max() for q in self.q[i]]
                mean = (norms[0].log() / 2 + norms[1].log() / 2).exp()
                self.q[i] = [q * (mean / norm) for q, norm in zip(self.q[i], norms)]
            if due:
                probe = question.probe(i, p).reshape(m.shape)
                self.learn(self.q[i], m + math.sqrt(torch.finfo(torch.float32).eps) * m.abs().mean() * probe, probe)
            step = self.times(self.q[i], m, twice=True)
            step = step * min(1.0, 1.1 / (step.square().mean().sqrt() + 1e-12))
            self.parameters[i] = p - self.lr * (step.reshape(p.shape) + self.weight_decay * p)

    @staticmethod
    def times(qs, m, twice):
        """The product with the factors, or with the preconditioner."""
        left = qs[0]
        m = left @ m if left.dim() == 2 else left[:, None] * m
        m = (left.T @ m if left.dim() == 2 else left[:, None] * m) if twice else m
        for right in qs[1:]:
            m = m @ right.T if right.dim() == 2 else m * right
            m = (m @ right if right.dim() == 2 else m * right) if twice else m
        return m

    @staticmethod
    def inverse(qs, v):
        """The product of the inverse transposed factors with a probe."""
        left = qs[0]
        v = torch.linalg.solve_triangular(left.T, v, upper=False) if left.dim() == 2 else v / left[:, None]
        for right in qs[1:]:
            v = torch.linalg.solve_triangular(right, v, upper=True, left=False) if right.dim() == 2 else v / right
        return v

    def learn(self, qs, g, probe):
        a, b = self.times(qs, g, twice=False), self.inverse(qs, probe)
        for at in range(len(qs)):
            q, (x, y) = qs[at], (a, b) if at == 0 else (a.T, b.T)
            if q.dim() == 2:
                one, two = x @ x.T, y @ y.T
                scale = self.precond_lr / self.bound(one + two).clamp(min=torch.finfo(torch.float32).tiny)
                qs[at] = q - scale * torch.triu(one - two) @ q
            else:
                one, two = (x * x).sum(1), (y * y).sum(1)
                scale = self.precond_lr / (one + two).max().clamp(min=torch.finfo(torch.float32).tiny)
                qs[at] = q - scale * (one - two) * q


class Sophia(Transcribed):
    """Liu et al. (2023), algorithms 2 and 3. The authors' code adds 1e-15 to rho h where the paper takes max(rho h, eps)."""

    def begin(self):
        self.m, self.h = self.zeros(), self.zeros()

    def update(self, gradients, question):
        beta1, beta2 = self.betas
        if (self.t - 1) % self.every == 0:
            sampled, n = question.sampled(self.parameters)
            self.h = [beta2 * h + (1 - beta2) * n * g * g for h, g in zip(self.h, sampled)]
        for i, g in enumerate(gradients):
            p = self.parameters[i]
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * g
            ratio = (self.m[i] / (self.rho * self.h[i]).clamp(min=self.eps)).clamp(-1, 1)
            self.parameters[i] = p - self.lr * (ratio + self.weight_decay * p)



class Sam(Transcribed):
    """Foret et al. (2021), equations 2 and 3, around SGD with momentum; adaptive as in Kwon et al. (2021)."""

    def begin(self):
        self.buffer = self.zeros()

    def update(self, gradients, question):
        scaled = [p.abs() * g if self.adaptive else g for p, g in zip(self.parameters, gradients)]
        norm = sum((s * s).sum() for s in scaled).sqrt()
        uphill = [p + self.rho * (p * p * g if self.adaptive else g) / (norm + 1e-12)
                  for p, g in zip(self.parameters, gradients)]
        _, there = question.elsewhere(uphill)
        for i, g in enumerate(there):
            self.buffer[i] = self.momentum * self.buffer[i] + g
            self.parameters[i] = self.parameters[i] - self.lr * self.buffer[i]


class Around(Transcribed):
    """A rule inside another; subclasses say what is done with its steps."""

    def begin(self):
        self.base.start(self.parameters)

    def put(self, parameters):
        with torch.no_grad():
            for p, value in zip(self.base.parameters, parameters):
                p.copy_(value)


class Cautious(Around):
    """Liang et al. (2024), algorithm 1: the mask of Adam's step, scaled by n / (taken + 1) for each tensor. Their code
    scales by 1 / max(mean of the mask, 1e-3); the paper's form is taken."""

    def update(self, gradients, question):
        before = self.parameters
        self.base.step(gradients, question)
        for i, (new, g) in enumerate(zip(self.base.values(), gradients)):
            step = new - before[i]
            mask = (step * g.sign() < 0).to(step.dtype)
            scale = step.numel() / (mask.sum() + 1)
            self.parameters[i] = before[i] - self.decay * before[i] + scale * mask * step
        self.put(self.parameters)


class Lookahead(Around):
    """Zhang et al. (2019), algorithm 1."""

    def begin(self):
        super().begin()
        self.slow = self.values()

    def update(self, gradients, question):
        self.base.step(gradients, question)
        self.parameters = self.base.values()
        if self.t % self.k == 0:
            self.slow = [s + self.alpha * (p - s) for s, p in zip(self.slow, self.parameters)]
            self.parameters = [s.clone() for s in self.slow]
            self.put(self.parameters)

    def evaluated(self):
        return self.slow


class WeightDecay(Around):
    """Loshchilov and Hutter (2019), section 2, before any optimizer's step."""

    def update(self, gradients, question):
        self.put([(1 - self.lr * self.weight_decay) * p for p in self.parameters])
        self.base.step(gradients, question)
        self.parameters = self.base.values()


class Ema(Around):
    """torch.optim.swa_utils' average: it begins with the parameters after the first step."""

    def update(self, gradients, question):
        self.base.step(gradients, question)
        self.parameters = self.base.values()
        if self.t == 1:
            self.average = self.values()
        update = torch.optim.swa_utils.get_ema_multi_avg_fn(self.decay)
        if self.t > 1:
            update(self.average, self.parameters, self.t)

    def evaluated(self):
        return self.average
