"""The cases: a name, the registry's name and options, and the oracle."""

import dadaptation
import optax
import prodigyopt
import pytorch_optimizer
import schedulefree
import torch

import suite_rules as rules
from suite_rules import Averaged, Clipped, Closure, Optax, ScheduleFree, Torch

T = torch.optim
ALL = ("network", "quadratic", "rosenbrock")
CASES = []


def case(name, optimizer, options, rule, source, problems=ALL, **notes):
    """`options` are the registry's; `rule` makes the oracle; `source` says what it is."""
    CASES.append(dict(name=name, optimizer=optimizer, options=options, rule=rule, source=source, problems=problems) | notes)


def torch_case(name, optimizer, options, kind, problems=ALL, **settings):
    """A case of torch.optim, whose settings are the options unless given otherwise."""
    settings = dict(options) | settings
    make = lambda parameters: kind(parameters, **settings)
    case(name, optimizer, options, lambda: Torch(make), f"torch.optim.{kind.__name__}", problems)


# Rosenbrock's valley needs small steps of rules that take the gradient's length.
SMALL = ("network", "quadratic")

torch_case("sgd", "sgd", dict(lr=0.05), T.SGD, SMALL)
torch_case("sgd_large", "sgd", dict(lr=2.0, momentum=0.5), T.SGD, ("network",))
torch_case("sgd_rosenbrock", "sgd", dict(lr=1e-4, momentum=0.9), T.SGD, ("rosenbrock",))
torch_case("sgd_nesterov", "sgd", dict(lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01), T.SGD, SMALL)
torch_case("sgd_dampening", "sgd", dict(lr=0.02, momentum=0.9, dampening=0.1), T.SGD, SMALL)
torch_case("adagrad", "adagrad", dict(), T.Adagrad)
torch_case("adagrad_all", "adagrad", dict(lr=0.05, lr_decay=0.01, weight_decay=0.02, initial_accumulator_value=0.1, eps=1e-6), T.Adagrad)
torch_case("rmsprop", "rmsprop", dict(), T.RMSprop)
torch_case("rmsprop_centered", "rmsprop", dict(lr=1e-3, alpha=0.9, centered=True, eps=1e-5), T.RMSprop)
torch_case("rmsprop_momentum", "rmsprop", dict(lr=1e-3, momentum=0.9, weight_decay=0.01), T.RMSprop)
torch_case("rmsprop_all", "rmsprop", dict(lr=1e-3, momentum=0.5, centered=True, eps=1e-4, weight_decay=0.1), T.RMSprop)
torch_case("adadelta", "adadelta", dict(), T.Adadelta)
torch_case("adadelta_all", "adadelta", dict(lr=2.0, rho=0.8, eps=1e-5, weight_decay=0.01), T.Adadelta)
torch_case("adam", "adam", dict(), T.Adam)
torch_case("adam_all", "adam", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.01), T.Adam)
torch_case("adamw", "adamw", dict(lr=0.01, weight_decay=0.1), T.AdamW)
torch_case("amsgrad", "amsgrad", dict(), T.Adam, amsgrad=True)
torch_case("amsgrad_coupled", "amsgrad", dict(betas=(0.9, 0.9), weight_decay=0.1), T.Adam, amsgrad=True)
torch_case("amsgrad_decoupled", "amsgrad", dict(lr=0.01, betas=(0.5, 0.9), weight_decay=0.1, decoupled_weight_decay=True), T.Adam, amsgrad=True)
torch_case("adamax", "adamax", dict(), T.Adamax)
torch_case("adamax_all", "adamax", dict(lr=0.01, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.1), T.Adamax)
torch_case("nadam", "nadam", dict(), T.NAdam)
torch_case("nadam_coupled", "nadam", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.01), T.NAdam)
torch_case("nadam_decoupled", "nadam", dict(weight_decay=0.1, decoupled_weight_decay=True), T.NAdam)
torch_case("radam", "radam", dict(), T.RAdam, SMALL)
torch_case("radam_rosenbrock", "radam", dict(lr=1e-5), T.RAdam, ("rosenbrock",))
torch_case("radam_coupled", "radam", dict(lr=0.01, betas=(0.8, 0.9), weight_decay=0.1), T.RAdam, SMALL)
torch_case("radam_decoupled", "radam", dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True), T.RAdam, SMALL)
torch_case("rprop", "rprop", dict(lr=1e-3), T.Rprop)
torch_case("rprop_all", "rprop", dict(lr=1e-3, etas=(0.7, 1.5), step_sizes=(1e-4, 0.02)), T.Rprop)
case("asgd", "asgd", dict(lr=0.05, lambd=0.01, t0=10), lambda: Averaged(lambda p: T.ASGD(p, lr=0.05, lambd=0.01, t0=10), "ax"), "torch.optim.ASGD", SMALL)
case("asgd_decay", "asgd", dict(lr=0.05, alpha=0.5, t0=3, weight_decay=0.1), lambda: Averaged(lambda p: T.ASGD(p, lr=0.05, alpha=0.5, t0=3, weight_decay=0.1), "ax"), "torch.optim.ASGD", SMALL)
EPS1 = torch.finfo(torch.float32).eps
torch_case("adafactor", "adafactor", dict(), T.Adafactor, eps=(EPS1, 1e-3))
torch_case("adafactor_all", "adafactor", dict(lr=0.1, beta2_decay=-0.5, d=2.0, weight_decay=0.1, eps=(EPS1, 0.1)), T.Adafactor)

case("signum", "signum", dict(lr=1e-3), lambda: Torch(lambda p: pytorch_optimizer.SignSGD(p, lr=1e-3, momentum=0.9)), "pytorch_optimizer.SignSGD", sign=1e-3)
case("signsgd", "signum", dict(lr=1e-3, momentum=0.0), lambda: Optax(optax.sign_sgd(1e-3)), "optax.sign_sgd", sign=1e-3)
case("lion", "lion", dict(lr=1e-3), lambda: Optax(optax.lion(1e-3, weight_decay=0.0)), "optax.lion", sign=1e-3)
case("lion_decay", "lion", dict(lr=1e-3, betas=(0.95, 0.98), weight_decay=0.5), lambda: Optax(optax.lion(1e-3, 0.95, 0.98, weight_decay=0.5)), "optax.lion", sign=1e-3)
case("yogi", "yogi", dict(), lambda: Optax(optax.yogi(1e-2)), "optax.yogi")
case("yogi_all", "yogi", dict(lr=1e-3, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.1),
     lambda: Optax(optax.chain(optax.scale_by_yogi(0.8, 0.9, 1e-4), optax.add_decayed_weights(0.1), optax.scale_by_learning_rate(1e-3))),
     "optax.scale_by_yogi, add_decayed_weights")
case("adabelief", "adabelief", dict(), lambda: Optax(optax.adabelief(1e-3)), "optax.adabelief")
case("adabelief_all", "adabelief", dict(lr=1e-2, betas=(0.8, 0.95), eps=1e-8, weight_decay=0.1),
     lambda: Optax(optax.chain(optax.scale_by_belief(0.8, 0.95, 1e-8, 1e-8), optax.add_decayed_weights(0.1), optax.scale_by_learning_rate(1e-2))),
     "optax.scale_by_belief, add_decayed_weights")
case("adan", "adan", dict(), lambda: Torch(lambda p: pytorch_optimizer.Adan(p, lr=1e-3)), "pytorch_optimizer.Adan")
case("adan_all", "adan", dict(lr=1e-2, betas=(0.9, 0.8, 0.95), eps=1e-6, weight_decay=0.1),
     lambda: Torch(lambda p: pytorch_optimizer.Adan(p, lr=1e-2, betas=(0.9, 0.8, 0.95), eps=1e-6, weight_decay=0.1, weight_decouple=False)),
     "pytorch_optimizer.Adan")
case("lars", "lars", dict(lr=1.0), lambda: Optax(optax.lars(1.0, weight_decay=0.0, trust_coefficient=0.001, eps=0.0, momentum=0.9)), "optax.lars")
case("lars_decay", "lars", dict(lr=10.0, momentum=0.8, weight_decay=0.1),
     lambda: rules.Lars(lr=10.0, momentum=0.8, trust=1e-3, weight_decay=0.1), "transcription")
case("lamb", "lamb", dict(), lambda: Optax(optax.lamb(1e-3)), "optax.lamb")
case("lamb_all", "lamb", dict(lr=1e-2, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.1), lambda: Optax(optax.lamb(1e-2, 0.8, 0.95, 1e-5, weight_decay=0.1)), "optax.lamb")

ADOPT = dict(lr=1e-3, betas=(0.9, 0.9999), eps=1e-6, clip_exponent=0.25, weight_decay=0.0, decoupled=False)
case("adopt", "adopt", dict(), lambda: Optax(optax.contrib.adopt(1e-3)), "optax.contrib.adopt")
case("adopt_coupled", "adopt", dict(lr=1e-2, betas=(0.8, 0.9), weight_decay=0.1, clip_exponent=0.1),
     lambda: rules.Adopt(**ADOPT | dict(lr=1e-2, betas=(0.8, 0.9), weight_decay=0.1, clip_exponent=0.1)), "transcription")
case("adopt_decoupled", "adopt", dict(lr=1e-2, weight_decay=0.1, decoupled_weight_decay=True),
     lambda: rules.Adopt(**ADOPT | dict(lr=1e-2, weight_decay=0.1, decoupled=True)), "transcription")
EMAMIX = dict(lr=1e-3, betas=(0.9, 0.999, 0.9999), alpha=5.0, eps=1e-8, warmup=0, weight_decay=0.0)
case("ademamix", "ademamix", dict(), lambda: Optax(optax.contrib.ademamix(1e-3, alpha=5.0)), "optax.contrib.ademamix")
case("ademamix_warmup", "ademamix", dict(lr=1e-2, betas=(0.8, 0.95, 0.999), warmup=60, weight_decay=0.1),
     lambda: rules.AdEmaMix(**EMAMIX | dict(lr=1e-2, betas=(0.8, 0.95, 0.999), warmup=60, weight_decay=0.1)), "transcription")
MARS = dict(lr=3e-3, betas=(0.95, 0.99), gamma=0.025, eps=1e-8, weight_decay=0.0, optimize_1d=False, lr_1d=3e-3, betas_1d=(0.9, 0.95), weight_decay_1d=0.1)
case("mars_adamw", "mars_adamw", dict(), lambda: rules.Mars(**MARS), "transcription")
MARS_ALL = dict(lr=1e-2, gamma=0.1, betas=(0.9, 0.95), optimize_1d=True, weight_decay=0.1)
case("mars_adamw_1d", "mars_adamw", MARS_ALL, lambda: rules.Mars(**MARS | MARS_ALL), "transcription")

SF = schedulefree
case("schedule_free_sgd", "schedule_free_sgd", dict(lr=0.05), lambda: ScheduleFree(lambda p: SF.SGDScheduleFree(p, lr=0.05, foreach=False)), "schedulefree.SGDScheduleFree", SMALL)
case("schedule_free_sgd_all", "schedule_free_sgd", dict(lr=0.05, momentum=0.8, weight_decay=0.1, warmup_steps=20, r=1.0, weight_lr_power=1.0),
     lambda: ScheduleFree(lambda p: SF.SGDScheduleFree(p, lr=0.05, momentum=0.8, weight_decay=0.1, warmup_steps=20, r=1.0, weight_lr_power=1.0, foreach=False)),
     "schedulefree.SGDScheduleFree", SMALL)
case("schedule_free_adamw", "schedule_free_adamw", dict(), lambda: ScheduleFree(lambda p: SF.AdamWScheduleFree(p, foreach=False)), "schedulefree.AdamWScheduleFree")
case("schedule_free_adamw_all", "schedule_free_adamw", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, warmup_steps=20),
     lambda: ScheduleFree(lambda p: SF.AdamWScheduleFree(p, lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, warmup_steps=20, foreach=False)),
     "schedulefree.AdamWScheduleFree")
case("dadapt_adam", "dadapt_adam", dict(), lambda: Torch(lambda p: dadaptation.DAdaptAdam(p)), "dadaptation.DAdaptAdam")
case("dadapt_adam_all", "dadapt_adam", dict(lr=0.5, betas=(0.8, 0.95), weight_decay=0.1, decouple=True, use_bias_correction=True, d0=1e-4, growth_rate=1.5),
     lambda: Torch(lambda p: dadaptation.DAdaptAdam(p, lr=0.5, betas=(0.8, 0.95), weight_decay=0.1, decouple=True, use_bias_correction=True, d0=1e-4, growth_rate=1.5)),
     "dadaptation.DAdaptAdam")
case("dadapt_adam_coupled", "dadapt_adam", dict(weight_decay=0.1, d0=1e-3), lambda: Torch(lambda p: dadaptation.DAdaptAdam(p, weight_decay=0.1, d0=1e-3)), "dadaptation.DAdaptAdam")
case("prodigy", "prodigy", dict(), lambda: Torch(lambda p: prodigyopt.Prodigy(p)), "prodigyopt.Prodigy")
case("prodigy_all", "prodigy", dict(lr=0.5, betas=(0.8, 0.95), beta3=0.9, weight_decay=0.1, use_bias_correction=True, safeguard_warmup=True, d0=1e-4, d_coef=0.5, growth_rate=1.5),
     lambda: Torch(lambda p: prodigyopt.Prodigy(p, lr=0.5, betas=(0.8, 0.95), beta3=0.9, weight_decay=0.1, use_bias_correction=True, safeguard_warmup=True, d0=1e-4, d_coef=0.5, growth_rate=1.5)),
     "prodigyopt.Prodigy")
case("prodigy_coupled", "prodigy", dict(weight_decay=0.1, decouple=False, d0=1e-4), lambda: Torch(lambda p: prodigyopt.Prodigy(p, weight_decay=0.1, decouple=False, d0=1e-4)), "prodigyopt.Prodigy")
SOPHIA = dict(lr=1e-3, betas=(0.965, 0.99), rho=0.04, eps=1e-12, weight_decay=0.1, every=10)
case("sophia", "sophia", dict(lr=1e-3), lambda: rules.Sophia(**SOPHIA), "transcription")
case("sophia_all", "sophia", dict(lr=1e-2, betas=(0.9, 0.95), rho=10.0, eps=1e-6, weight_decay=0.0, every=3),
     lambda: rules.Sophia(**SOPHIA | dict(lr=1e-2, betas=(0.9, 0.95), rho=10.0, eps=1e-6, weight_decay=0.0, every=3)), "transcription")

SGD = lambda lr, momentum=0.9: Torch(lambda p: T.SGD(p, lr=lr, momentum=momentum))
ADAM = lambda **kw: Torch(lambda p: T.Adam(p, **kw))
case("lookahead", "lookahead", {"lr": 0.02, "base.momentum": 0.9}, lambda: rules.Lookahead(base=SGD(0.02), k=5, alpha=0.5), "transcription around torch.optim.SGD", SMALL)
case("lookahead_adam", "lookahead", {"base": "adam", "k": 3, "alpha": 0.8}, lambda: rules.Lookahead(base=ADAM(lr=1e-3), k=3, alpha=0.8), "transcription around torch.optim.Adam")
case("sam", "sam", {"lr": 0.02, "base.momentum": 0.9}, lambda: rules.Sam(lr=0.02, momentum=0.9, rho=0.05, adaptive=False), "transcription", SMALL)
case("asam", "sam", {"lr": 0.02, "base.momentum": 0.5, "rho": 0.5, "adaptive": True}, lambda: rules.Sam(lr=0.02, momentum=0.5, rho=0.5, adaptive=True), "transcription", SMALL)
case("cautious", "cautious", {"lr": 1e-2}, lambda: rules.Cautious(base=ADAM(lr=1e-2), decay=0.0), "transcription around torch.optim.Adam", masks=True)
case("cautious_decay", "cautious", {"lr": 1e-2, "weight_decay": 0.1}, lambda: rules.Cautious(base=ADAM(lr=1e-2), decay=1e-3), "transcription around torch.optim.Adam", masks=True)
case("clip_norm", "clip_norm", {"lr": 0.05, "max_norm": 0.1}, lambda: Clipped(lambda p: T.SGD(p, lr=0.05), lambda p: torch.nn.utils.clip_grad_norm_(p, 0.1)), "torch.nn.utils.clip_grad_norm_")
case("clip_value", "clip_value", {"lr": 0.05, "clip_value": 0.01, "base.momentum": 0.9}, lambda: Clipped(lambda p: T.SGD(p, lr=0.05, momentum=0.9), lambda p: torch.nn.utils.clip_grad_value_(p, 0.01)), "torch.nn.utils.clip_grad_value_")
case("weight_decay", "weight_decay", {"lr": 0.02, "weight_decay": 0.1, "base.momentum": 0.9}, lambda: rules.WeightDecay(base=SGD(0.02), lr=0.02, weight_decay=0.1), "transcription around torch.optim.SGD", SMALL)
case("ema", "ema", {"lr": 0.02, "decay": 0.9, "base.momentum": 0.9}, lambda: rules.Ema(base=SGD(0.02), decay=0.9), "torch.optim.swa_utils around torch.optim.SGD", SMALL)

case("lbfgs_recorded", "lbfgs", dict(lr=0.1, max_iter=1, history_size=10), lambda: Closure(lambda p: T.LBFGS(p, lr=0.1, max_iter=1, history_size=10)), "torch.optim.LBFGS", ("network",))
case("lbfgs", "lbfgs", dict(lr=0.5, max_iter=4, history_size=5), lambda: Closure(lambda p: T.LBFGS(p, lr=0.5, max_iter=4, history_size=5)), "torch.optim.LBFGS", ("quadratic",))
case("lbfgs_strong_wolfe", "lbfgs", dict(max_iter=1, strong_wolfe=True, max_eval=10), lambda: Closure(lambda p: T.LBFGS(p, max_iter=1, max_eval=10, line_search_fn="strong_wolfe")), "torch.optim.LBFGS", ("quadratic", "rosenbrock"))

# Small singular values of a gradient vanish in the rounding of its Gram matrix, and their vectors with them. So what works in
# the eigenbasis is compared on gradients with noise of their own size, whose singular values are alike.
WELL = ("noisy", "quadratic", "rosenbrock")
MATRICES = ("network",) + WELL
MUON = dict(lr=1e-3, momentum=0.95, nesterov=True, ns_steps=5, eps=1e-7, weight_decay=0.1, match_rms_adamw=False, adamw_lr=3e-4, adamw_betas=(0.9, 0.95), adamw_eps=1e-10, adamw_weight_decay=0.0)
case("muon", "muon", dict(), lambda: rules.Muon(**MUON), "transcription", MATRICES)
MUON_ALL = dict(lr=0.02, momentum=0.8, nesterov=False, ns_steps=3, weight_decay=0.01, match_rms_adamw=True, adamw_lr=1e-2, adamw_weight_decay=0.1)
case("muon_all", "muon", MUON_ALL, lambda: rules.Muon(**MUON | MUON_ALL), "transcription", MATRICES)
SHAMPOO = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-12, grafting_eps=1e-8, weight_decay=0.0, every=10, begin_at=0, max_dim=1024)
# At the default eps of 1e-12 the inverse roots of directions without gradients are those of rounding errors, in any float32.
case("shampoo", "shampoo", dict(eps=1e-4), lambda: rules.Shampoo(**SHAMPOO | dict(eps=1e-4)), "transcription", MATRICES)
SHAMPOO_ALL = dict(lr=1e-2, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)
case("shampoo_all", "shampoo", SHAMPOO_ALL | dict(precondition_frequency=3, start_preconditioning_step=7, max_preconditioner_dim=12),
     lambda: rules.Shampoo(**SHAMPOO | SHAMPOO_ALL | dict(every=3, begin_at=7, max_dim=12)), "transcription", MATRICES)
# An axis longer than the others together has a singular Gram matrix at first, and any basis of its null space will do: such axes
# (of the linear layers' inputs, longer than 10) are left out.
SOAP = dict(lr=3e-3, betas=(0.95, 0.95), shampoo_beta=0.95, eps=1e-8, weight_decay=0.01, every=10, max_dim=10)
case("soap", "soap", dict(max_precond_dim=10), lambda: rules.Soap(**SOAP), "transcription", WELL)
case("soap_all", "soap", dict(lr=1e-2, betas=(0.8, 0.9), shampoo_beta=0.7, eps=1e-4, weight_decay=0.1, precondition_frequency=4, max_precond_dim=10),
     lambda: rules.Soap(**SOAP | dict(lr=1e-2, betas=(0.8, 0.9), shampoo_beta=0.7, eps=1e-4, weight_decay=0.1, every=4)), "transcription", WELL)
PSGD = dict(lr=3e-4, momentum=0.9, weight_decay=0.0, precond_lr=0.1, scale=1.0, max_size=8192)
case("psgd_kron", "psgd_kron", dict(), lambda: rules.PsgdKron(**PSGD), "transcription", MATRICES)
case("psgd_kron_all", "psgd_kron", dict(lr=1e-2, momentum=0.5, weight_decay=0.1, precond_lr=0.5, precond_init_scale=0.1, max_size_triangular=20),
     lambda: rules.PsgdKron(**PSGD | dict(lr=1e-2, momentum=0.5, weight_decay=0.1, precond_lr=0.5, scale=0.1, max_size=20)), "transcription", MATRICES)
SOAP_PACKAGE = dict(lr=3e-3, precondition_frequency=50, max_precondition_dim=10)
case("soap_package", "soap", dict(precondition_frequency=50, max_precond_dim=10), lambda: Torch(lambda p: pytorch_optimizer.SOAP(p, **SOAP_PACKAGE)), "pytorch_optimizer.SOAP", WELL)

L = torch.optim.lr_scheduler
# The registry's text, and PyTorch's scheduler over an optimizer of rate 1.
SCHEDULES = {
    "step:size=7,gamma=0.3": lambda o: L.StepLR(o, 7, 0.3),
    "multi_step:milestones=5;20;33,gamma=0.5": lambda o: L.MultiStepLR(o, [5, 20, 33], 0.5),
    "exponential:gamma=0.97": lambda o: L.ExponentialLR(o, 0.97),
    "cosine:steps=59,least=0.05": lambda o: L.CosineAnnealingLR(o, 59, 0.05),
    "warm_restarts:period=6,factor=2,least=0.01": lambda o: L.CosineAnnealingWarmRestarts(o, 6, 2, 0.01),
    "linear_warmup:steps=25,start=0.1": lambda o: L.LinearLR(o, 0.1, total_iters=25),
    "one_cycle:steps=60": lambda o: L.OneCycleLR(o, 1.0, 60),
    "one_cycle:steps=60,up=0.5,div=10,final_div=100": lambda o: L.OneCycleLR(o, 1.0, 60, pct_start=0.5, div_factor=10, final_div_factor=100),
    "polynomial:steps=40,power=1.5": lambda o: L.PolynomialLR(o, 40, 1.5),
}
