"""Calls with what does not belong there: they are valid, or the error is one of maplet's that says how to mend it."""

import inspect

import numpy as np
import pytest

import maplet as mp
from layer_examples import as_inputs, examples
from maplet import nn, optim
from maplet.errors import MapletError
from maplet.nn.construction import constructor_parameters

BAD = {
    "0": 0, "−1": -1, "2.5": 2.5, "text": "8", "a word": "nope", "None": None, "NaN": float("nan"),
    "infinity": float("inf"), "True": True, "[]": [], "()": (), "{}": {}, "[1, a]": [1, "a"], "an object": object(),
    "a class": int, "an array": np.ones(3), "bytes": b"x", "complex": 1j, "−10³⁰": -(10**30),
}  # fmt: skip
FEW = ("0", "−1", "2.5", "text", "None", "NaN", "[]", "an array")


def accepted(call, names=tuple(BAD)):
    """The bad values that a call takes; every other is refused with a way out."""
    taken, wrong = [], []
    for name in names:
        try:
            call(BAD[name])
            taken.append(name)
        except MapletError as error:
            if not error.fix:
                wrong.append(f"{name}: no fix: {error}")
        except Exception as error:  # noqa: BLE001  (which one it is does not matter: it is none that teaches)
            wrong.append(f"{name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)
    return taken


# ── fit, load and save ───────────────────────────────────────────────────────────────────────────

x, y = np.arange(12, dtype=np.float32).reshape(6, 2) / 10, np.array([0, 1, 0, 1, 0, 1])


def fit(net=None, data=(x, y), **settings):
    usual = {"loss": "cross_entropy", "optimizer": optim.SGD(0.1), "epochs": 1, "progress": False, "lint": False}
    return mp.fit(nn.Linear(2, 2) if net is None else net, data, **{**usual, **settings})


# What each setting takes of the bad values; all others must be refused.
settings_of_fit = {
    "epochs": [], "batch_size": [], "chunks": [], "loss": [], "optimizer": [], "data": [], "validation": ["None"],
    "metrics": ["[]", "()"], "callbacks": ["[]", "()"], "seed": ["0"], "directory": ["None"], "existing": [],
    "progress": ["True"], "lint": ["True"], "watch": ["0"], "doctor": ["True"], "rehearse": ["True"], "language": [],
}  # fmt: skip


def test_the_table_covers_fit():
    assert settings_of_fit.keys() | {"net"} == inspect.signature(mp.fit).parameters.keys()


@pytest.mark.parametrize("setting", settings_of_fit)
def test_settings_of_fit(setting, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = [name for name in BAD if not (setting == "directory" and isinstance(BAD[name], str))]  # those are paths
    assert accepted(lambda value: fit(**{setting: value}), names) == settings_of_fit[setting]


masked = np.ma.masked_array(x, x > 0.5)
DATA = {
    "unlike lengths": (x, y[:3]), "no rows": (x[:0], y[:0]), "text": (x.astype(str), y),
    "classes as text": (x, [*"ababab"]),
    "a generator": (n for n in (x, y)), "generators": ((n for n in x), y), "objects": (x.astype(object), y),
    "nothing known": (x, np.array([None] * 6)), "NaN": (x * np.nan, y), "ragged": ([[1.0], [1.0, 2.0]], [0, 1]),
    "a dict": {"x": x, "y": y}, "one part": (x,), "four parts": (x, y, x, y), "pairs": list(zip(x, y, strict=True)),
    "complex": (x * 1j, y), "dates": (np.array(["2020-01-01"] * 6, "M8[D]"), y), "a column of classes": (x, y[:, None]),
    "real classes": (x, y * 1.0), "negative weights": (x, y, -np.ones(6)), "weights of 0": (x, y, np.zeros(6)),
    "single numbers": (np.float32(1), np.int64(1)), "classes too high": (x, y + 5), "classes below 0": (x, y - 5),
    "truth": (x, y == 1), "a file": "data.csv", "None": (None, y), "masked": (masked, y),
    "records": (np.zeros(6, dtype=[("a", "f4")]), y),
}  # fmt: skip


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("give", ["data", "validation", "stream"])
def test_data_that_cannot_be_learned_from(give, name):
    data = DATA[name]
    given = {"data": mp.data.Stream([data])} if give == "stream" else {give: data}
    with pytest.raises(MapletError) as caught:
        fit(**given)
    assert caught.value.fix


def test_a_directory_that_is_ignored_is_refused():
    with pytest.raises(MapletError, match="existing='resume' without a directory"):
        fit(existing="resume")


def test_places_that_are_none(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    places = [tmp_path / "file", tmp_path / "file" / "x", "a\0b", "a" * 300, "", "/", b"x", 3, ["runs"]]
    for use in (mp.load, lambda place: mp.save(nn.Linear(2, 2), place), lambda place: fit(directory=place)):
        for place in places:
            with pytest.raises(MapletError) as caught:
                use(place)
            assert caught.value.fix, (place, str(caught.value))
    for place in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(MapletError) as caught:
            mp.load(place)
        assert caught.value.fix
    assert accepted(lambda value: mp.save(value, tmp_path / "new")) == []


@pytest.mark.parametrize("setting", ["patience", "monitor", "min_delta", "higher_is_better", "restore_best"])
def test_settings_of_early_stopping(setting):
    legal = {"monitor": {"text", "a word", "None"}, "min_delta": {"0", "2.5"}, "higher_is_better": {"None", "True"}}
    taken = accepted(lambda value: mp.EarlyStopping(**{setting: value}))
    assert set(taken) == legal.get(setting, {"True"} if setting == "restore_best" else set())


# ── derivatives and loops ────────────────────────────────────────────────────────────────────────


def f(w, x):
    return mp.mean((x @ w) ** 2)


def add(carry, x):
    return carry + x, carry


w = np.ones((2, 1), np.float32)
CALLS = {
    "grad": lambda v: mp.grad(v)(w, x),
    "value_and_grad": lambda v: mp.value_and_grad(v)(w, x),
    "jacobian": lambda v: mp.jacobian(v)(w, x),
    "hessian": lambda v: mp.hessian(v)(w, x),
    "grad, argnums": lambda v: mp.grad(f, argnums=v)(w, x),
    "jacobian, argnums": lambda v: mp.jacobian(f, argnums=v)(w, x),
    "grad, has_aux": lambda v: mp.grad(f, has_aux=v)(w, x),
    "jacobian, mode": lambda v: mp.jacobian(f, mode=v)(w, x),
    "jit": lambda v: mp.jit(v)(w, x),
    "vmap": lambda v: mp.vmap(v)(w, x),
    "vmap, in_axes": lambda v: mp.vmap(mp.sum, in_axes=v)(x),
    "jvp": lambda v: mp.jvp(v, (w, x), (w, x)),
    "jvp, tangents": lambda v: mp.jvp(f, (w, x), v),
    "vjp": lambda v: mp.vjp(v, w, x),
    "linearize": lambda v: mp.linearize(v, w, x),
    "check_gradient": lambda v: mp.check_gradient(v, w, x),
    **{
        f"check_gradient, {name}": lambda v, name=name: mp.check_gradient(f, w, x, **{name: v})
        for name in ("tolerance", "max_entries", "seed")
    },
    "scan": lambda v: mp.scan(v, mp.zeros(()), mp.ones((3,))),
    "scan, xs": lambda v: mp.scan(add, mp.zeros(()), v),
    "cond": lambda v: mp.cond(v, mp.sin, mp.cos, 0.0),
    "cond, if_true": lambda v: mp.cond(True, v, mp.cos, 0.0),
    "switch": lambda v: mp.switch(v, [mp.sin, mp.cos], 0.0),
    "switch, branches": lambda v: mp.switch(0, v, 0.0),
    "fori_loop": lambda v: mp.fori_loop(0, v, lambda _, c: c, mp.zeros(())),
    "seed": mp.random.Generator,
    "asarray": mp.asarray,
    "zeros": mp.zeros,
    "reshape": lambda v: mp.reshape(x, v),
    "concat": mp.concat,
    "split": lambda v: mp.split(x, v),
    "an index": lambda v: mp.asarray(x)[v],
    "an assigned value": lambda v: mp.asarray(x).__setitem__(0, v),
    "a shift": lambda v: mp.asarray(x) << v,
    "chain": optim.chain,
    "build": optim.build,
    "register": optim.register,
    "Scaled": lambda v: optim.Scaled(v, 0.5),
}


@pytest.mark.parametrize("name", CALLS)
def test_other_calls(name):
    assert len(accepted(CALLS[name])) < len(BAD)


# ── layers and optimizers ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", examples)
def test_settings_of_layers(kind):
    """Each setting of each layer; what is taken is also called."""
    make, given = examples[kind][0]
    net = make()
    parameters = constructor_parameters(type(net))
    several = [name for name, parameter in parameters.items() if parameter.kind is parameter.VAR_POSITIONAL]
    usual = {name: getattr(net, name) for name in parameters if hasattr(net, name) and name not in several}

    def call(value, setting):
        made = type(net)(value) if setting in several else type(net)(**{**usual, setting: value})
        if setting != "rng":
            made(*as_inputs(given, "float32"))

    for setting in parameters:
        accepted(lambda value, setting=setting: call(value, setting), FEW)


@pytest.mark.parametrize("name", [name for name, kind in optim.registry.items() if kind.__module__[:6] == "maplet"])
def test_settings_of_optimizers_and_schedules(name):
    kind = optim.registry[name]
    parameters = inspect.signature(kind).parameters
    usual = {"initial": 0.1, "learning_rate": 0.1, "factor": 0.5, "every": 2, "steps": 5, "decay": 0.1}
    usual |= {"maximum": 0.1, "schedule": optim.Constant(0.1), "optimizer": optim.SGD(0.1), "groups": {}}
    required = {
        n: usual[n] for n, parameter in parameters.items() if parameter.default is parameter.empty and n in usual
    }
    for setting, parameter in parameters.items():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            taken = accepted(lambda value, setting=setting: kind(**{**required, setting: value}))
            assert len(taken) < len(BAD)
