"""Every optimizer against its published formula, against PyTorch, and at work."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from test_optim import registered

optimizers = {name: optim.registry[name] for name in sorted(registered())}

# Settings that are tried: every option of every optimizer stands here at least once.
cases = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}],
    "Adagrad": [{}, {"initial_accumulator": 0.5, "epsilon": 1e-2, "weight_decay": 0.1}],
    "Adadelta": [{}, {"rho": 0.7, "epsilon": 1e-2, "weight_decay": 0.1}],
    "RMSprop": [
        {},
        {"rho": 0.9, "epsilon": 1e-2, "weight_decay": 0.1},
        {"centered": True},
        {"centered": True, "momentum": 0.9},
    ],
    "Adam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}, {"amsgrad": True, "beta2": 0.2}],
    "AdamW": [
        {},
        {"weight_decay": 0.0},
        {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.5},
        {"amsgrad": True, "beta2": 0.2},
    ],
    "Adamax": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}],
    "Nadam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "momentum_decay": 0.1, "weight_decay": 0.1}],
    "RAdam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}, {"beta2": 0.6}],
    "Lion": [{}, {"beta1": 0.5, "beta2": 0.6, "weight_decay": 0.3}],
    "Rprop": [{}, {"shrink": 0.4, "grow": 1.6, "smallest": 0.7, "largest": 3.0, "weight_decay": 0.1}],
    "Adafactor": [
        {},
        {"beta2_decay": -0.5, "epsilon": 0.7, "weight_decay": 0.3},
        {"smallest_scale": 8.0, "threshold": 1.01},  # which is reached
    ],
    "LAMB": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.3}],
    "Muon": [
        {},
        {"momentum": 0.5, "nesterov": False, "iterations": 3, "weight_decay": 0.0},
        {"size": "spectral"},
    ],
}
decoupled = {"AdamW", "Lion", "Adafactor", "Muon"}  # whose weight decay the rule does not see
each_case = pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, several in cases.items() for options in several]
)
rate = 0.05


def settings(name, options):
    """The options, and the defaults where none is given."""
    parameters = inspect.signature(optimizers[name]).parameters
    return {n: p.default for n, p in parameters.items() if n != "learning_rate"} | options


def test_the_tables_cover_every_optimizer_and_every_option():
    assert cases.keys() == formulas.keys() == optimizers.keys()
    for name, several in cases.items():
        tried = {option for options in several for option in options} | {"clip_norm", "clip_value"}
        assert tried == settings(name, {}).keys(), name


# ── the formulas, in NumPy: gradient, memory, options ───────────────────────────────────────────────


def sgd(g, s, o):
    s["v"] = v = o.momentum * s.get("v", 0.0) + g
    return g + o.momentum * v if o.nesterov else v


def adagrad(g, s, o):
    s["sum"] = s.get("sum", o.initial_accumulator) + g**2
    return g / (np.sqrt(s["sum"]) + o.epsilon)


def adadelta(g, s, o):
    s["E"] = o.rho * s.get("E", 0.0) + (1 - o.rho) * g**2
    u = np.sqrt(s.get("D", 0.0) + o.epsilon) / np.sqrt(s["E"] + o.epsilon) * g
    s["D"] = o.rho * s.get("D", 0.0) + (1 - o.rho) * u**2
    return u


def rmsprop(g, s, o):
    s["E"] = o.rho * s.get("E", 0.0) + (1 - o.rho) * g**2
    s["m"] = o.rho * s.get("m", 0.0) + (1 - o.rho) * g
    s["v"] = o.momentum * s.get("v", 0.0) + g / (np.sqrt(s["E"] - o.centered * s["m"] ** 2) + o.epsilon)
    return s["v"]


def adam(g, s, o):
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["v"] = o.beta2 * s.get("v", 0.0) + (1 - o.beta2) * g**2
    v = s["n"] = np.maximum(s.get("n", 0.0), s["v"]) if o.amsgrad else s["v"]
    return s["m"] / (1 - o.beta1**o.t) / (np.sqrt(v / (1 - o.beta2**o.t)) + o.epsilon)


def adamax(g, s, o):
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["n"] = np.maximum(o.beta2 * s.get("n", 0.0), abs(g) + o.epsilon)
    return s["m"] / (1 - o.beta1**o.t) / s["n"]


def nadam(g, s, o):
    mu = [o.beta1 * (1 - 0.5 * 0.96 ** (i * o.momentum_decay)) for i in range(1, o.t + 2)]
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["v"] = o.beta2 * s.get("v", 0.0) + (1 - o.beta2) * g**2
    ahead = mu[-1] * s["m"] / (1 - np.prod(mu)) + (1 - mu[-2]) * g / (1 - np.prod(mu[:-1]))
    return ahead / (np.sqrt(s["v"] / (1 - o.beta2**o.t)) + o.epsilon)


def radam(g, s, o):
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["v"] = o.beta2 * s.get("v", 0.0) + (1 - o.beta2) * g**2
    mean = s["m"] / (1 - o.beta1**o.t)
    longest = 2 / (1 - o.beta2) - 1
    length = longest - 2 * o.t * o.beta2**o.t / (1 - o.beta2**o.t)
    if length <= 5:
        return mean
    r = np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    return r * mean * np.sqrt(1 - o.beta2**o.t) / (np.sqrt(s["v"]) + o.epsilon)


def lion(g, s, o):
    before = s.get("m", 0.0)
    s["m"] = o.beta2 * before + (1 - o.beta2) * g
    return np.sign(o.beta1 * before + (1 - o.beta1) * g)


def rprop(g, s, o):
    same = g * s.get("g", 0.0)
    size = s.get("size", 1.0) * np.where(same > 0, o.grow, np.where(same < 0, o.shrink, 1.0))
    s["size"] = np.clip(size, o.smallest, o.largest)
    s["g"] = np.where(same < 0, 0.0, g)
    return s["size"] * np.sign(s["g"])


def adafactor(g, s, o):
    w, least = o.t**o.beta2_decay, o.epsilon or np.finfo(float).eps
    if g.ndim == 1:
        s["V"] = v = (1 - w) * s.get("V", 0.0) + w * g**2
    else:
        s["R"] = (1 - w) * s.get("R", 0.0) + w * np.mean(g**2, axis=1)
        s["C"] = (1 - w) * s.get("C", 0.0) + w * np.mean(g**2, axis=0)
        v = np.outer(s["R"], s["C"]) / max(np.mean(s["R"]), least)
    u = g / np.maximum(np.sqrt(v), least)
    rms = lambda x: np.sqrt(np.mean(x**2))
    return max(o.smallest_scale, rms(o.theta)) * u / max(1.0, rms(u) / o.threshold)


def lamb(g, s, o):
    """It decays behind Adam, and the formula is given g + λθ: undone here."""
    r = adam(g - o.weight_decay * o.theta, s, SimpleNamespace(**vars(o), amsgrad=False)) + o.weight_decay * o.theta
    return r * np.linalg.norm(o.theta) / np.linalg.norm(r)


def muon(g, s, o):
    if g.ndim == 1:
        return adam(g, s, SimpleNamespace(beta1=0.9, beta2=0.999, epsilon=1e-8, amsgrad=False, t=o.t))
    v = sgd(g, s, o)
    u, sizes, vt = np.linalg.svd(v / np.linalg.norm(v), full_matrices=False)
    for _ in range(o.iterations):  # the odd polynomial moves the singular values and nothing else
        sizes = 3.4445 * sizes - 4.7750 * sizes**3 + 2.0315 * sizes**5
    rows, columns = g.shape
    factor = 0.2 * np.sqrt(max(rows, columns)) if o.size == "rms" else np.sqrt(max(1, columns / rows))
    return factor * (u * sizes) @ vt


formulas = {
    "SGD": sgd, "Adagrad": adagrad, "Adadelta": adadelta, "RMSprop": rmsprop,
    "Adam": adam, "AdamW": adam, "Adamax": adamax, "Nadam": nadam,
    "RAdam": radam, "Lion": lion, "Rprop": rprop, "Adafactor": adafactor, "LAMB": lamb, "Muon": muon,
}  # fmt: skip


def start():
    rng = np.random.default_rng(0)
    return {"weight": rng.normal(size=(3, 2)), "bias": rng.normal(size=(2,))}


def slope(name, theta):
    """The gradient of some function with hills and valleys."""
    return np.cos(3 * theta) + theta * (2.0 if name == "bias" else 0.5)


def descend(optimizer, steps=10):
    theta = {name: mp.asarray(value) for name, value in start().items()}
    for _ in range(steps):
        optimizer.update(theta, {name: slope(name, array.numpy()) for name, array in theta.items()})
    return {name: array.numpy() for name, array in theta.items()}


@each_case
def test_ten_steps_follow_the_published_formula(name, options):
    found, given = descend(optimizers[name](rate, **options)), SimpleNamespace(**settings(name, options))
    early, late = (0.0, given.weight_decay) if name in decoupled else (given.weight_decay, 0.0)
    for part, beginning in start().items():
        theta, memory = beginning, {}
        for given.t in range(1, 11):
            given.theta = theta
            theta = theta - rate * (formulas[name](slope(part, theta) + early * theta, memory, given) + late * theta)
        np.testing.assert_allclose(found[part], theta, rtol=1e-11)


@pytest.fixture
def torch_in_float64():
    """PyTorch's Nadam keeps the product of its momenta in the default dtype, and so 8 digits of it in float32."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


without_peer = {"Lion", "LAMB"}  # PyTorch has none
theirs = {
    "epsilon": "eps", "initial_accumulator": "initial_accumulator_value", "threshold": "d", "iterations": "ns_steps",
}  # fmt: skip


def peer(torch, name, theta, given):
    """The optimizer of PyTorch with these settings."""
    kind = getattr(torch.optim, {"Nadam": "NAdam"}.get(name, name))
    given = {n: value for n, value in given.items() if n not in {"clip_norm", "clip_value"}}
    settings = {theirs.get(n, n): value for n, value in given.items() if n not in {"beta1", "beta2"}}
    if "beta1" in given:
        settings["betas"] = (given["beta1"], given["beta2"])
    if name == "RMSprop":
        settings["alpha"] = settings.pop("rho")
    if name == "Adafactor":
        settings["eps"] = (settings["eps"], settings.pop("smallest_scale"))
    if name == "Rprop":
        settings = {
            "etas": (given["shrink"], given["grow"]),
            "step_sizes": (given["smallest"] * rate, given["largest"] * rate),
        }
    if name == "Muon":
        settings["adjust_lr_fn"] = {"rms": "match_rms_adamw", "spectral": "original"}[settings.pop("size")]
    return kind(theta, lr=rate, **settings)


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in sorted(cases.keys() - without_peer) for options in cases[name]]
)
def test_ten_steps_are_those_of_pytorch(torch_in_float64, monkeypatch, name, options):
    torch = torch_in_float64
    # Its Muon iterates in bfloat16, and changes a copy in place.
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())
    given = settings(name, options)
    # Its matrices are (out, in), which Muon has to know.
    theta = {part: torch.tensor(value.T.copy(), requires_grad=True) for part, value in start().items()}
    if name == "Adafactor":  # of rows and columns it forgets the same
        theta = {part: torch.tensor(value, requires_grad=True) for part, value in start().items()}
    others = [peer(torch, name, list(theta.values()), given)] if name != "Muon" else [
        peer(torch, "Muon", [theta["weight"]], given),
        torch.optim.AdamW([theta["bias"]], lr=rate, weight_decay=given["weight_decay"]),
    ]  # fmt: skip
    for _ in range(10):
        for part, tensor in theta.items():
            tensor.grad = torch.tensor(slope(part, tensor.detach().numpy()))
            if name == "Rprop":  # which has no weight decay there
                tensor.grad += given["weight_decay"] * tensor.detach()
        for other in others:
            other.step()
    found = descend(optimizers[name](rate, **options))
    for part, tensor in theta.items():
        value = tensor.detach().numpy()
        np.testing.assert_allclose(found[part], value if name == "Adafactor" else value.T, rtol=1e-10)


@pytest.mark.parametrize("name", sorted(optimizers.keys() - without_peer - {"Muon"}))
def test_the_defaults_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    signature = inspect.signature(getattr(torch.optim, {"Nadam": "NAdam"}.get(name, name))).parameters
    found = {n: p.default for n, p in signature.items()}
    if name == "Rprop":  # it has no weight decay in PyTorch; ours is off unless it is asked for
        found |= {"weight_decay": 0.0, **dict(zip(("shrink", "grow"), found["etas"], strict=True))}
        smallest, largest = found["step_sizes"]  # in units of the rate here
        found |= {"smallest": pytest.approx(smallest / found["lr"]), "largest": largest / found["lr"]}
    if "betas" in found:
        found |= dict(zip(("beta1", "beta2"), found["betas"], strict=True))
    if name == "Adafactor":
        found |= dict(zip(("eps", "smallest_scale"), found["eps"], strict=True))
    if name == "RMSprop":
        found["rho"] = found["alpha"]
    ours = {n: p.default for n, p in inspect.signature(optimizers[name]).parameters.items()}
    compared = [n for n in ours if n not in {"clip_norm", "clip_value"} and (name, n) != ("SGD", "learning_rate")]
    assert len(compared) >= 3
    for option in compared:
        expected = found[{"learning_rate": "lr"}.get(option, theirs.get(option, option))]
        assert ours[option] == expected, option


def test_the_learning_rate_decay_of_pytorchs_adagrad_is_a_schedule():
    torch = pytest.importorskip("torch")
    theta = torch.tensor(start()["bias"], requires_grad=True)
    other = torch.optim.Adagrad([theta], lr=rate, lr_decay=0.3)
    for _ in range(10):
        theta.grad = torch.tensor(slope("bias", theta.detach().numpy()))
        other.step()
    found = descend(optim.Adagrad(optim.InverseTime(rate, decay=0.3)))
    np.testing.assert_allclose(found["bias"], theta.detach().numpy(), rtol=1e-12)


# ── at work ──────────────────────────────────────────────────────────────────────────────────────

parabola = {
    "SGD": optim.SGD(0.1), "Adagrad": optim.Adagrad(1.0), "Adadelta": optim.Adadelta(1.0, epsilon=1e-2),
    "RMSprop": optim.RMSprop(optim.Exponential(0.1, 0.97)), "Adam": optim.Adam(0.1),
    "AdamW": optim.AdamW(0.1, weight_decay=0.0), "Adamax": optim.Adamax(0.1), "Nadam": optim.Nadam(0.1),
    "RAdam": optim.RAdam(0.1), "Lion": optim.Lion(optim.Exponential(0.1, 0.99)), "Rprop": optim.Rprop(0.1),
    "Adafactor": optim.Adafactor(optim.Exponential(0.1, 0.99)), "LAMB": optim.LAMB(optim.Exponential(0.1, 0.97)),
    "Muon": optim.Muon(0.1, weight_decay=0.0),
}  # fmt: skip
rosenbrock = {
    "SGD": optim.SGD(2e-3, momentum=0.9), "Adagrad": optim.Adagrad(1.0), "Adadelta": optim.Adadelta(3.0, rho=0.999),
    "RMSprop": optim.RMSprop(5e-3, momentum=0.9), "Adam": optim.Adam(0.1),
    "AdamW": optim.AdamW(0.1, weight_decay=0.0), "Adamax": optim.Adamax(0.3), "Nadam": optim.Nadam(0.02),
    "RAdam": optim.RAdam(0.02, clip_norm=10.0), "Lion": optim.Lion(5e-3), "Rprop": optim.Rprop(0.01),
    "Adafactor": optim.Adafactor(optim.Exponential(0.03, 0.999)), "LAMB": optim.LAMB(0.03),
    "Muon": optim.Muon(0.1, weight_decay=0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", optimizers)
def test_every_optimizer_solves_the_parabola(name):
    found = mp.minimize(lambda x: x**2 - 2 * x + 1, 3.0, optimizer=parabola[name], tolerance=1e-3, max_steps=1_000)
    assert found.converged, found.message
    assert abs(found.x.item() - 1) <= 1e-3


@pytest.mark.parametrize(
    "name", [name if name in ("SGD", "Adam") else pytest.param(name, marks=pytest.mark.slow) for name in optimizers]
)
def test_every_optimizer_solves_rosenbrocks_banana(name):
    optimizer = optim.build(rosenbrock[name].describe())
    x = mp.asarray(np.array([-1.2, 1.0]))
    for _ in range(4_000):
        a, b = x.tolist()
        if (1 - a) ** 2 + 100 * (b - a**2) ** 2 < 1e-2:  # from 24.2
            break
        optimizer.update(x, np.array([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)]))
    assert (1 - a) ** 2 + 100 * (b - a**2) ** 2 < 1e-2
    np.testing.assert_allclose([a, b], [1, 1], atol=0.3)
