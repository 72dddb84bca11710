"""`mp.audit` on odd programs that are right, and on what it is not made for: nobody is accused, and errors teach."""

# ruff: noqa: ARG001, ARG005, NPY002, PLW0603, PYI024  (programs as people write them by hand)

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet.cli.audit import audit as command
from maplet.errors import GradientError, SettingError
from maplet.health.audit import Cause, audit_script
from maplet.health.audit.slopes import contradicted


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ── right programs in words of NumPy's that are seldom used ──────────────────────────────────────


def log_where(q, w):
    p = np.maximum(w, 0)
    return -np.sum(q * np.log(p, out=np.zeros((4, 3)), where=p > 0.05))


def log_where_back(q, w):
    return {"w": -np.where(w > 0.05, q / np.where(w > 0.05, w, 1), 0)}


def exp_where(q, w):
    z = q.T @ w
    return np.sum(np.exp(z, out=np.zeros((3, 3)), where=z > 0))


def exp_where_back(q, w):
    z = q.T @ w
    return {"w": q @ np.where(z > 0, np.exp(z), 0)}


def copied_where(q, w):
    z = np.zeros((4, 3))
    np.copyto(z, w * q, where=q > 0.3)
    return np.sum(z**2)


def without_diagonal(q, w):
    z = w.T @ q
    np.fill_diagonal(z, 0)
    return np.sum(z**2)


def without_diagonal_back(q, w):
    z = w.T @ q
    np.fill_diagonal(z, 0)
    return {"w": 2 * q @ z.T}


def put(q, w):
    z = w * q
    np.put(z, [0, 1], 0)
    return np.sum(z**2)


def put_back(q, w):
    d = 2 * w * q**2
    np.put(d, [0, 1], 0)
    return {"w": d}


def at_list(q, w):
    z = np.zeros(3)
    np.add.at(z, [0, 0, 1], w[0])
    return np.sum(z**2)


def at_list_back(q, w):
    d = np.zeros((4, 3))
    d[0, :2] = 2 * (w[0, 0] + w[0, 1])
    d[0, 2] = 2 * w[0, 2]
    return {"w": d}


def largest_entry(pick):
    def back(q, w):
        d, rows = np.zeros((4, 3)), np.arange(4)
        at = pick(w, axis=1)
        d[rows, at] = np.where(pick(np.array([w[rows, at], np.zeros(4)]), axis=0) == 0, q[:, 0], 0)
        return {"w": d}

    return back


def leaking(q, w):
    size = float(np.array(w.tolist()).sum())  # behind the recorder's back
    return np.sum(q * w) * (1 + size)


def leaking_back(q, w):
    return {"w": q * (1 + np.sum(w)) + np.sum(q * w)}


odd = {
    "ufunc with where and out": (log_where, log_where_back),
    "ufunc with where and out, of a product": (exp_where, exp_where_back),
    "copyto with where": (copied_where, lambda q, w: {"w": np.where(q > 0.3, 2 * w * q**2, 0)}),
    "fill_diagonal": (without_diagonal, without_diagonal_back),
    "put": (put, put_back),
    "add.at with a list": (at_list, at_list_back),
    "min with initial": (lambda q, w: np.sum(np.min(w, axis=1, initial=0.0) * q[:, 0]), largest_entry(np.argmin)),
    "max with initial": (lambda q, w: np.sum(np.max(w, axis=1, initial=0.0) * q[:, 0]), largest_entry(np.argmax)),
    "prod with initial": (
        lambda q, w: np.sum(np.prod(w, axis=1, initial=3.0)),
        lambda q, w: {"w": 3 * np.prod(w, axis=1, keepdims=True) / w},
    ),
    "max with an initial above": (lambda q, w: np.max(w, initial=100.0) + np.sum(w), lambda q, w: {"w": w * 0 + 1}),
    "sum with where and initial": (
        lambda q, w: np.sum(w**2, where=q > 0, initial=5.0),
        lambda q, w: {"w": np.where(q > 0, 2 * w, 0)},
    ),
    "inner": (lambda q, w: np.sum(np.inner(w, q)), lambda q, w: {"w": np.broadcast_to(q.sum(0), w.shape) * 1.0}),
    "vdot": (lambda q, w: np.vdot(w, q) ** 2, lambda q, w: {"w": 2 * np.vdot(w, q) * q}),
    "a value that leaves NumPy": (leaking, leaking_back),
}


@pytest.mark.parametrize("name", odd)
def test_odd_words_are_understood(name):
    forward, backward = odd[name]
    q, w = np.abs(normal(4, 3)) + 0.1 * normal(4, 3, seed=2), normal(4, 3, seed=1)
    report = mp.audit(forward, backward, q, w)
    assert report, report
    wrong = mp.audit(forward, lambda q, w: {"w": 1.5 * backward(q, w)["w"]}, q, w)
    assert not wrong


@pytest.mark.parametrize("name", [n for n in odd if n not in ("put", "fill_diagonal", "a value that leaves NumPy")])
def test_they_are_spelled_by_operations_of_maplet(name):
    forward, backward = odd[name]
    report = mp.audit(forward, backward, normal(4, 3), normal(4, 3, seed=1))
    assert not report.remarks, report


def test_an_option_that_the_spelling_does_not_know_changes_the_value_and_so_is_seen():
    def forward(q, w):
        return np.sum(np.average(w, axis=1, weights=q) ** 2) + np.sum(np.nan_to_num(w, nan=3.0) * q)

    def clipped(q, w):
        return np.sum(np.clip(w, -1, 0.2, where=q > 0, out=np.ones((4, 3))))

    report = mp.audit(
        clipped, lambda q, w: {"w": np.where(q > 0, (w > -1) & (w < 0.2), False) * 1.0}, *[normal(4, 3)] * 2
    )
    assert report, report


# ── slopes ───────────────────────────────────────────────────────────────────────────────────────


def slopes(loss, at, gradient):
    return contradicted(lambda v: float(loss(v["w"])), {"w": at}, {"w": gradient}, step=1e-5, rounding=1e-14)


def test_a_slope_contradicts_a_wrong_derivative_and_no_right_one():
    w = normal(5)
    assert slopes(lambda w: np.sum(w**3), w, 3 * w**2) is False
    assert slopes(lambda w: np.sum(w**3), w, 2 * w**2) is True


def test_there_is_no_slope_at_a_kink_a_jump_or_below_rounding():
    zeros = np.zeros(1)
    assert slopes(lambda w: np.sum(np.abs(w)), zeros, zeros) is None
    assert slopes(lambda w: np.sum(np.sign(w)), zeros, zeros) is None
    assert slopes(lambda w: np.log(1 - 1 / (1 + np.exp(-w[0]))), np.array([33.0]), np.array([-1.0])) is None
    assert slopes(lambda w: np.float32(1e3) + np.float32(np.sum(w)) * np.nan, zeros, zeros) is None
    assert slopes(lambda w: 1e9 + np.sum(w), np.ones(1), np.ones(1)) is not True


# ── one wrong gradient accuses no other ──────────────────────────────────────────────────────────


def unstable(x, t, W, b):
    p = (x @ W + b) ** 3
    return -np.mean(t * np.log(1 / (1 + np.exp(-p))) + (1 - t) * np.log(1 - 1 / (1 + np.exp(-p))))


def unstable_back(x, t, W, b):
    z = x @ W + b
    g = (1 / (1 + np.exp(-(z**3))) - t) / z.size * 3 * z**2
    return {"W": x.T @ g, "b": -g.sum(0)}


@pytest.mark.parametrize("seed", [3, 9, 20, 24, 28, 52])  # in some, 1 − σ has few digits at the given inputs already
def test_where_inputs_overflow_a_right_gradient_stays_right(seed):
    x, t = 0.6 * normal(7, 3, seed=seed), (normal(7, 2, seed=seed + 1) > 0) * 1.0
    report = mp.audit(unstable, unstable_back, x, t, normal(3, 2, seed=seed + 2), normal(2, seed=seed + 3))
    assert report["W"].judgement == "right", report
    assert report["b"].judgement == "wrong"
    assert report.causes == {Cause.SIGN}


def test_what_is_wrong_on_other_inputs_alone_is_shown_from_there():
    def forward(x, w):
        return np.sum(np.maximum(x @ w - dead, 0) ** 2)

    def backward(x, w):
        return {"w": x.T @ np.maximum(x @ w - dead, 0)}  # without the 2

    x, w = normal(6, 3), normal(3)
    dead = np.max(x @ w) + 0.01
    report = mp.audit(forward, backward, x, w)
    verdict = report["w"]
    assert verdict.judgement == "wrong"
    assert verdict.error > 0.1
    assert "on the given inputs it is right" in verdict.remark


# ── what functions may ask for ───────────────────────────────────────────────────────────────────


def demanding(x, w):
    if not np.all(x == 1.5):
        raise ValueError("x must be 1.5")
    return np.sum((x @ w) ** 2)


def test_a_check_of_the_users_own_data_keeps_them_as_they_are():
    args = np.full((4, 2), 1.5), normal(2)
    assert mp.audit(demanding, lambda x, w: {"w": 2 * x.T @ (x @ w)}, *args)
    report = mp.audit(demanding, lambda x, w: {"w": -2 * x.T @ (x @ w)}, *args)
    assert report.causes == {Cause.SIGN}


def test_a_verdict_that_no_other_inputs_confirm_says_so():
    start = normal(2)

    def fixed(x, w):
        if not np.allclose(w, start, rtol=0, atol=1e-3):
            raise ValueError("w must be as it was")
        return np.sum((x @ w) ** 2)

    report = mp.audit(fixed, lambda x, w: {"w": 2 * x.T @ (x @ w)}, normal(4, 2), start)
    assert report
    assert "no other inputs" in "".join(report.remarks)


# ── what is refused, and how ─────────────────────────────────────────────────────────────────────


def forward(x, y, w):
    return np.mean((x @ w - y) ** 2)


def backward(x, y, w):
    return {"w": 2 * x.T @ (x @ w - y) / len(x)}


def args():
    return normal(5, 3), normal(5, seed=1), normal(3, seed=2)


class WordlessError(Exception):
    def __str__(self):
        raise RuntimeError


def leaves(x, y, w):
    raise SystemExit(0)


def wordless(x, y, w):
    raise WordlessError


refused = {
    "a complex gradient": (forward, lambda x, y, w: {"w": w * 1j}, "dtype complex128"),
    "objects as a gradient": (forward, lambda x, y, w: {"w": np.array([1, 2.0, 3], object)}, "dtype object"),
    "a complex loss": (lambda x, y, w: np.mean(x @ w) * 1j, backward, "a complex number"),
    "a truth value": (lambda x, y, w: np.mean(x @ w) > 0, backward, "a truth value"),
    "a constant": (lambda x, y, w: 3, backward, "does not depend on w"),
    "a whole number": (lambda x, y, w: int(np.mean(x @ w) * 10), backward, "does not depend on w"),
    "a loss of other things": (lambda x, y, w: np.mean(x @ x.T), backward, "does not depend on w"),
    "a program that leaves": (leaves, backward, r"ends the program.*sys.exit\(0\)"),
    "an error without words": (wordless, backward, "raises WordlessError"),
}


@pytest.mark.parametrize("name", refused)
def test_what_is_no_loss_and_no_gradient_is_refused(name):
    first, second, message = refused[name]
    with pytest.raises(GradientError, match=message) as caught:
        mp.audit(first, second, *args())
    assert caught.value.fix


def test_arrays_of_objects_and_whole_numbers_are_refused():
    x, y, w = args()
    with pytest.raises(GradientError, match="array of objects") as caught:
        mp.audit(forward, backward, x.astype(object), y, w)
    assert "astype(float)" in caught.value.fix
    with pytest.raises(GradientError, match="whole numbers") as caught:
        mp.audit(forward, backward, x, y, np.array([1, 2, 3]))
    assert "w.astype(float)" in caught.value.fix
    with pytest.raises(GradientError, match="whole numbers"):
        mp.audit(forward, lambda x, y, w: backward(x, y, w)["w"], x, y, np.array([1, 2, 3]), wrt=("w",))


def test_truth_values_are_a_gradient_of_zeros_and_ones():
    x, y, w = args()
    assert not mp.audit(forward, lambda x, y, w: {"w": x[0] > 0}, x, y, w)
    assert mp.audit(lambda w: np.sum(np.maximum(w, 0)), lambda w: {"w": w > 0}, w)


bad = [
    ("tolerance", "a"), ("tolerance", None), ("tolerance", float("nan")),
    ("tolerance", -1), ("tolerance", float("inf")),
    ("tolerance", 1e9), ("tolerance", True), ("tolerance", 0),
    ("seed", -1), ("seed", 1.5), ("seed", "a"), ("seed", None), ("seed", True),
    ("wrt", 3), ("wrt", "w"), ("wrt", []), ("wrt", (3,)), ("wrt", ("w", "w")),
    ("loss", 3),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value"), bad)
def test_settings_are_checked(setting, value):
    with pytest.raises(SettingError, match=f"audit: {setting}=") as caught:
        mp.audit(forward, backward, *args(), **{setting: value})
    assert caught.value.fix


@pytest.mark.parametrize("functions", [(3, backward), (forward, None)])
def test_what_is_no_function_is_refused(functions):
    with pytest.raises(SettingError, match="expected a function"):
        mp.audit(*functions, *args())


def test_every_name_of_wrt_has_a_gradient():
    with pytest.raises(GradientError, match="no gradient for x, y"):
        mp.audit(forward, backward, *args(), wrt=("x", "y", "w"))


# ── gradients that are not finite, or of another shape ───────────────────────────────────────────


def test_where_a_gradient_becomes_nan_is_told():
    def logs(x, y, w):
        residual = x @ w - y
        return {"w": 2 * x.T @ np.log(residual) / len(x)}

    report = mp.audit(forward, logs, *args())
    assert "begins there: log, test_audit_hard.py" in report["w"].remark
    assert not report.causes


def test_infinite_gradients_are_told_without_a_warning():
    report = mp.audit(forward, lambda x, y, w: {"w": w * np.inf}, *args())
    assert "begins there: multiply" in report["w"].remark


def test_a_gradient_that_would_make_a_third_shape_of_its_parameter_is_wrong():
    x, y, w = args()
    report = mp.audit(forward, lambda x, y, w: {"w": backward(x, y, w)["w"][:, None]}, x, y, w)
    assert report["w"].judgement == "wrong"
    assert "its shape is (3, 1), that of w is (3,)" in report["w"].remark
    assert mp.audit(forward, lambda x, y, w: {"w": backward(x, y, w)["w"][None]}, x, y, w)


def test_what_is_taken_for_a_gradient_by_its_shape_is_said():
    report = mp.audit(forward, lambda x, y, w: {"q": backward(x, y, w)["w"]}, *args())
    assert report
    assert "what backward calls q is taken for the gradient of w" in report.remarks[0]


@pytest.mark.parametrize("half", [np.float16, np.dtype(np.float16), "float16"])
def test_half_precision_on_the_way_is_no_fault(half):
    def coarse(x, y, w):
        return np.mean((x @ w - y).astype(half).astype(float) ** 2)

    def coarse_back(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y).astype(half) / len(x)}

    x, y, w = args()
    assert mp.audit(coarse, coarse_back, x, y, w)
    assert mp.audit(coarse, lambda x, y, w: {"w": -coarse_back(x, y, w)["w"]}, x, y, w).causes == {Cause.SIGN}


@pytest.mark.parametrize("factor", [1.9, 1.99, 2.5])
def test_a_number_that_is_a_little_off_is_a_factor(factor):
    def off(x, y, w):
        return {"w": factor * x.T @ (x @ w - y) / len(x)}

    report = mp.audit(forward, off, *args())
    assert report.causes == {Cause.FACTOR}
    assert f"multiplied by {2 / factor:g}" in report.findings[0].sentence


def test_one_of_several_results_is_searched_like_any_other():
    def nuclear(w):
        return np.linalg.svd(w, compute_uv=False).sum()

    def nuclear_back(w):
        u, _, v = np.linalg.svd(w, full_matrices=False)
        return {"w": -u @ v}

    assert mp.audit(nuclear, nuclear_back, normal(4, 3)).causes == {Cause.SIGN}


# ── containers, and what a program keeps ─────────────────────────────────────────────────────────

Pair = namedtuple("Pair", "w b")


@pytest.mark.parametrize("pair", [Pair(normal(3), 0.5), Pair(1.5, 0.5)])
def test_a_namedtuple_stays_one(pair):
    def line(x, y, p):
        return np.mean((np.sum(x * p.w, axis=1) + p.b - y) ** 2)

    def back(x, y, p):
        r = 2 * (np.sum(x * p.w, axis=1) + p.b - y) / len(y)
        dw = np.sum(r[:, None] * x, axis=0)
        return {"w": dw if np.ndim(p.w) else np.sum(dw), "b": np.sum(r)}

    report = mp.audit(line, back, *args()[:2], pair)
    assert report
    assert {verdict.name for verdict in report.verdicts} == {"p.w", "p.b"}


@dataclass(frozen=True, slots=True)
class Line:
    w: object
    b: object

    def forward(self, x, y):
        return np.mean((x @ self.w + self.b - y) ** 2)

    def backward(self, x, y):
        r = 2 * (x @ self.w + self.b - y) / len(y)
        return {"w": x.T @ r, "b": r.sum()}

    def wrong(self, x, y):
        return {**self.backward(x, y), "b": -self.backward(x, y)["b"]}


class OldLine:
    __slots__ = ("__w", "r")

    def __init__(self, w):
        self.__w = w

    def forward(self, x, y):
        self.r = x @ self.__w - y
        return np.mean(self.r**2)

    def backward(self, x, y):
        return {"w": 2 * x.T @ self.r / len(y)}


def test_objects_with_slots_are_objects():
    x, y, w = args()
    line = Line(w, 0.5)
    assert mp.audit(line.forward, line.backward, x, y)
    assert mp.audit(line.forward, line.wrong, x, y).causes == {Cause.SIGN}
    old = OldLine(w)
    assert mp.audit(old.forward, old.backward, x, y)


cache, kept = None, {"values": []}


def keeping(x, y, w):
    global cache
    cache = x @ w - y
    kept["values"].append((cache, {"w": w}))
    return np.mean(cache**2)


def keeping_back(x, y, w):
    kept["grads"] = {"w": 2 * x.T @ cache / len(x)}
    return kept["grads"]


def test_what_a_program_keeps_in_its_globals_are_arrays_afterwards():
    assert mp.audit(keeping, keeping_back, *args())
    assert type(cache) is np.ndarray
    assert type(kept["grads"]["w"]) is np.ndarray
    assert {type(one) for pair in kept["values"] for one in (pair[0], pair[1]["w"])} == {np.ndarray}
    cache[0] = 1.0  # and may be written to


rng = np.random.default_rng(0)


@pytest.mark.parametrize("draw", [lambda: np.random.rand() < 0.5, lambda: rng.random() < 0.2])
def test_random_draws_that_are_the_same_twice_are_found_out(draw):
    np.random.seed(0)  # of which the first two draws are not below 0.5, nor the first two of rng below 0.2

    def dropped(x, y, w):
        return np.mean((x @ w * (0.0 if draw() else 1.0) - y) ** 2)

    with pytest.raises(GradientError, match="not deterministic"):
        mp.audit(dropped, backward, *args())


# ── scripts, and the command ─────────────────────────────────────────────────────────────────────

script = """\
import sys
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
rng = np.random.default_rng(0)
x, y, w = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3)
BEFORE
for step in range(3):
    r = x @ w - y
    loss = np.mean(r**2)
    w -= 0.1 * 2 * x.T @ r / len(y)
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sys.exit(0)", r"ends the program.*sys.exit\(0\)"),
        ("raise SystemExit", "ends the program"),
        ("name = input('name? ')", "raises EOFError"),
        ("x = x * np.nan", "the loss is nan"),
    ],
)
def test_a_script_that_cannot_be_judged_is_refused(tmp_path, line, message):
    path = tmp_path / "train.py"
    path.write_text(script.replace("BEFORE", line), encoding="utf-8")
    with pytest.raises(GradientError, match=message) as caught:
        audit_script(path)
    assert caught.value.fix
    path.write_text(script.replace("BEFORE", ""), encoding="utf-8")
    assert audit_script(path)


@pytest.mark.parametrize("rate", ["0.0", "np.nan", "np.inf"])
def test_a_learning_rate_that_is_none_is_no_wrong_gradient(tmp_path, rate):
    path = tmp_path / "train.py"
    path.write_text(script.replace("BEFORE", f"lr = {rate}").replace("0.1 *", "lr *"), encoding="utf-8")
    with pytest.raises(GradientError, match="learning rate"):
        audit_script(path)
    path.write_text(script.replace("BEFORE", "alpha = 0.0"), encoding="utf-8")  # which may be another thing
    assert audit_script(path)


@pytest.mark.parametrize("option", [("--arg", "x"), ("--loss", "f"), ("--wrt", "w")])
def test_options_of_functions_are_refused_for_a_script(tmp_path, option):
    path = tmp_path / "train.py"
    path.write_text(script.replace("BEFORE", ""), encoding="utf-8")
    with pytest.raises(SettingError, match=f"{option[0]} belongs to functions"):
        CliRunner().invoke(command, [str(path), *option], catch_exceptions=False)


def test_a_negative_seed_is_refused_on_the_command_line(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(script.replace("BEFORE", ""), encoding="utf-8")
    for given in ([str(path)], [f"{path}:f", f"{path}:g"]):
        with pytest.raises(SettingError, match="--seed=-1"):
            CliRunner().invoke(command, [*given, "--seed", "-1"], catch_exceptions=False)


@pytest.mark.parametrize(("gives", "missing"), [("b1", "b2"), ("W2", "b2")])
def test_a_parameter_that_backward_gives_nothing_for_is_spoken_of(gives, missing):
    def forward(x, y, W2, b1, b2, weight):  # noqa: PLR0917  (the user's)
        return np.mean(weight * ((x + b1) @ W2 + b2 - y) ** 2)

    def backward(x, y, W2, b1, b2, weight):  # noqa: PLR0917  (the user's)
        d = 2 * weight * ((x + b1) @ W2 + b2 - y) / y.size
        return {name: g for name, g in {"b1": (d @ W2.T).sum(0), "W2": (x + b1).T @ d}.items() if name == gives}

    rng = np.random.default_rng(0)
    args = [rng.normal(size=shape) for shape in ((5, 3), (5, 2), (3, 2), (3,), (2,), (5, 1))]
    report = mp.audit(forward, backward, *args)
    said = [remark for remark in report.remarks if "gives no gradient for" in remark]
    assert report
    assert len(said) == 1
    assert missing in said[0]
    assert "weight" not in said[0]  # of the rows: no parameter
    assert not mp.audit(forward, backward, *args, wrt=(gives,)).remarks  # asked for by name: nothing is left out
