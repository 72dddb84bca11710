"""Every optimizer against its published formula, against PyTorch, and at work."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import maplet as mp
from maplet import optim

optimizers = {
    name: cls
    for name, cls in optim.registry.items()
    if issubclass(cls, optim.Optimizer) and cls.__module__.startswith("maplet.")
}

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
    "Adam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}],
    "AdamW": [{}, {"weight_decay": 0.0}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.5}],
    "Adamax": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}],
    "Nadam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2, "momentum_decay": 0.1, "weight_decay": 0.1}],
}
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
    return s["m"] / (1 - o.beta1**o.t) / (np.sqrt(s["v"] / (1 - o.beta2**o.t)) + o.epsilon)


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


formulas = {
    "SGD": sgd, "Adagrad": adagrad, "Adadelta": adadelta, "RMSprop": rmsprop,
    "Adam": adam, "AdamW": adam, "Adamax": adamax, "Nadam": nadam,
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
    early, late = (0.0, given.weight_decay) if name == "AdamW" else (given.weight_decay, 0.0)
    for part, beginning in start().items():
        theta, memory = beginning, {}
        for given.t in range(1, 11):
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


@each_case
def test_ten_steps_are_those_of_pytorch(torch_in_float64, name, options):
    torch = torch_in_float64
    given = settings(name, options)
    torch_name = {"Nadam": "NAdam"}.get(name, name)
    rename = {"epsilon": "eps", "initial_accumulator": "initial_accumulator_value"} | (
        {"rho": "alpha"} if name == "RMSprop" else {}
    )
    keywords = {
        rename.get(n, n): value for n, value in given.items() if n not in {"beta1", "beta2", "clip_norm", "clip_value"}
    }
    if "beta1" in given:
        keywords["betas"] = (given["beta1"], given["beta2"])
    theta = {part: torch.tensor(value, requires_grad=True) for part, value in start().items()}
    other = getattr(torch.optim, torch_name)(list(theta.values()), lr=rate, **keywords)
    for _ in range(10):
        for part, tensor in theta.items():
            tensor.grad = torch.tensor(slope(part, tensor.detach().numpy()))
        other.step()
    found = descend(optimizers[name](rate, **options))
    for part, tensor in theta.items():
        np.testing.assert_allclose(found[part], tensor.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("name", optimizers)
def test_the_defaults_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.optim, {"Nadam": "NAdam"}.get(name, name))).parameters
    ours = inspect.signature(optimizers[name]).parameters
    pairs = {"learning_rate": "lr", "epsilon": "eps", "rho": "alpha" if name == "RMSprop" else "rho"}
    pairs |= {"initial_accumulator": "initial_accumulator_value"}
    compared = 0
    for option, parameter in ours.items():
        if option in {"clip_norm", "clip_value", "beta1", "beta2"} or (name, option) == ("SGD", "learning_rate"):
            continue
        assert parameter.default == theirs[pairs.get(option, option)].default, option
        compared += 1
    assert compared >= 3
    if "beta1" in ours:
        assert (ours["beta1"].default, ours["beta2"].default) == theirs["betas"].default


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
}  # fmt: skip
rosenbrock = {
    "SGD": optim.SGD(2e-3, momentum=0.9), "Adagrad": optim.Adagrad(1.0), "Adadelta": optim.Adadelta(3.0, rho=0.999),
    "RMSprop": optim.RMSprop(5e-3, momentum=0.9), "Adam": optim.Adam(0.1),
    "AdamW": optim.AdamW(0.1, weight_decay=0.0), "Adamax": optim.Adamax(0.3), "Nadam": optim.Nadam(0.02),
}  # fmt: skip


@pytest.mark.parametrize("name", optimizers)
def test_every_optimizer_solves_the_parabola(name):
    found = mp.minimize(lambda x: x**2 - 2 * x + 1, 3.0, optimizer=parabola[name], tolerance=1e-3, max_steps=1_000)
    assert found.converged, found.message
    assert abs(found.x.item() - 1) <= 1e-3


@pytest.mark.parametrize("name", optimizers)
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
