"""`mp.audit` of whole training scripts: what is an update, what its gradient, what the loss, and what is not judged."""

import re

import pytest

from maplet.errors import GradientError
from maplet.health.audit import Cause, audit_script


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "train.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# ── a line, trained in many ways ─────────────────────────────────────────────────────────────────

data = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=12)
w, b, n, lr = rng.normal(size=3), 0.0, 12, 0.05
"""

loop = """
for t in range(1, 9):
    e = X @ w + b - y
    loss = np.mean(e**2)
"""

ways = {
    "plain": loop + """
    w -= lr * (2 / n * X.T @ e)
    b -= lr * 2 * np.mean(e)
""",
    "the 1/N stands in the update": loop.replace("mean(e**2)", "sum(e**2) / (2 * n)") + """
    dw, db = X.T @ e, e.sum()
    w, b = w - 0.3 * dw / n, b - 0.3 * db / n
""",
    "numbers are one factor": loop + """
    w = w - (0.03 / n) * (X.T @ e)
    b = b - (0.03 / n) * np.sum(e)
""",
    "the rate decays": loop + """
    dw, db = 2 * X.T @ e / n, 2 * e.mean()
    now = lr / (1 + 0.1 * t)
    w, b = w - now * dw, b - now * db
    lr *= 0.95
""",
    "noise": loop + """
    w = w - lr * (2 * X.T @ e / n) + 0.01 * rng.normal(size=3)
    b -= lr * 2 * e.mean()
""",
    "signs": loop + """
    w -= lr * np.sign(2 * X.T @ e / n)
    b -= lr * np.sign(2 * e.mean())
""",
    "Polyak's step": loop + """
    g = 2 * X.T @ e / n
    w -= loss / (g @ g) * g
""",
    "clipped": loop + """
    dw = np.clip(2 * X.T @ e / n, -0.5, 0.5)
    w -= lr * dw
    b -= lr * np.clip(2 * e.mean(), -0.5, 0.5)
""",
    "bounded": loop + """
    w = np.maximum(w - lr * 2 * X.T @ e / n, 0)
    b = b - lr * 2 * e.mean()
""",
    "rows on one side of a kink": """
for t in range(9):
    e = X @ w - y
    loss = np.sum(np.maximum(e, 0) ** 2) / 2
    over = e > 0
    w -= lr * (X.T @ e - X[~over].T @ e[~over])
""",
    "numbers are written with few digits": "import math\n" + loop + """
    w -= lr * (2 / n * X.T @ e)
    b -= lr * 2 * e.mean()
    short = f"{round(float(loss), 3)} {loss:.2f} {loss} {int(loss)} {round(loss)} {bool(loss)}"
    blocks = range(math.ceil(n / 5) + math.floor(loss) + math.trunc(loss))
""",
    "some entries are fixed": "mask = np.array([1.0, 1.0, 0.0])\nw = w * mask\n" + loop + """
    w = w - lr * (2 * X.T @ e / n) * mask
    b = b - lr * 2 * e.mean()
""",
    "entry by entry": loop + """
    g = 2 * X.T @ e / n
    for j in range(3):
        w[j] = w[j] - lr * g[j]
""",
    "AMSGrad": "m = v = top = np.zeros(3)\n" + loop + """
    g = 2 * X.T @ e / n
    m = 0.9 * m + 0.1 * g
    v = 0.99 * v + 0.01 * g * g
    top = np.maximum(top, v)
    w = w - lr * m / (np.sqrt(top) + 1e-8)
""",
    "moments begin with the first step": "m = None\n" + loop + """
    g = 2 * X.T @ e / n
    if m is None:
        m, v = np.zeros_like(w), np.zeros_like(w)
    m += 0.1 * (g - m)
    v += 0.01 * (g * g - v)
    w = w - lr * (m / 0.1) / (np.sqrt(v / 0.01) + 1e-8)
""",
    "the best weights are kept, and an average": "best, best_w, mean_w = 1e9, w.copy(), w.copy()\n" + loop + """
    val_loss = np.mean((X[:4] @ w + b - y[:4]) ** 2)
    if val_loss < best:
        best, best_w = val_loss, w.copy()
    w -= lr * 2 * X.T @ e / n
    b -= lr * 2 * e.mean()
    mean_w = 0.9 * mean_w + 0.1 * w
""",
    "the loss comes before the turn": """
def cost(w):
    return np.mean((X @ w - y) ** 2)

J = cost(w)
while J > 1e-2:
    e = X @ w - y
    w = w - lr * (2 / n * X.T @ e)
    J = cost(w)
""",
    "the loss has no name": loop.replace("loss =", "value =") + """
    w -= lr * (2 / n * X.T @ e)
""",
    "a class": """
class Line:
    rate = 0.1

    def fit(self, X, y, turns):
        self.w, self.b, self.loss_history = np.zeros(3), 0.0, []
        for _ in range(turns):
            e = X @ self.w + self.b - y
            self.loss_history.append((e**2).mean())
            self.w -= self.rate * (2 / len(y)) * X.T @ e
            self.b -= self.rate * (2 / len(y)) * e.sum()

Line().fit(X, y, 9)
""",
    "older weights give the target": "old_w = w.copy()\n" + loop.replace(" - y", " - (y + 0.1 * X @ old_w)") + """
    w -= lr * (2 / n * X.T @ e)
    old_w = 0.1 * w + 0.9 * old_w
""",
}  # fmt: skip
told_by_a_right_gradient = {"the loss comes before the turn", "the loss has no name"}


@pytest.mark.parametrize("way", ways)
def test_a_right_way_of_training_is_left_in_peace(way, file):
    report = audit_script(file(data + ways[way]))
    assert report
    assert "right" in {verdict.judgement for verdict in report.verdicts}


@pytest.mark.parametrize("way", ways)
def test_the_same_with_a_wrong_gradient_is_found(way, file):
    text = data + ways[way]
    assert text.count("X.T @ e") == 1
    path = file(text.replace("X.T @ e", "X.T @ y"))
    if way in told_by_a_right_gradient:
        with pytest.raises(GradientError, match=r"not judged: .* loss"):
            audit_script(path)
    else:
        assert not audit_script(path)


def test_what_an_update_does_besides_is_said(file):
    assert "a decay, noise or a bound" in str(audit_script(file(data + ways["noise"])))
    assert "a decay, noise or a bound" not in str(audit_script(file(data + ways["plain"])))


def test_a_factor_that_no_line_tells_is_said(file):
    text = data + loop + "    w = w - 0.03 * X.T @ e\n    b = b - 0.03 * np.sum(e)\n"
    assert "0.18, by which all updates are a multiple of the gradient" in str(audit_script(file(text)))
    assert not audit_script(file(text.replace("np.sum(e)", "np.mean(e)")))


# ── optimizers, in all the ways in which they keep what they keep ────────────────────────────────

# S, M, V are what is kept of g between the steps of a parameter p; lr is the learning rate, t counts the steps.
optimizers = {
    "SGD": "p = p - lr * g",
    "momentum": "S = 0.9 * S + g; p = p - lr * S",
    "momentum with the rate inside": "S = 0.9 * S - lr * g; p = p + S",
    "dampened momentum": "S = 0.9 * S + (1 - 0.9) * g; p = p - lr * S",
    "momentum, corrected": "S = 0.9 * S + 0.1 * g; p = p - lr * S / (1 - 0.9**t)",
    "Nesterov as in cs231n": "old = S; S = 0.9 * old - lr * g; p = p - 0.9 * old + (1 + 0.9) * S",
    "Nesterov as in PyTorch": "S = 0.9 * S + g; p = p - lr * (g + 0.9 * S)",
    "Nesterov as in Keras": "S = 0.9 * S - lr * g; p = p + 0.9 * S - lr * g",
    "AdaGrad": "S = S + g**2; p = p - lr * g / (np.sqrt(S) + 1e-8)",
    "RMSProp": "S = 0.9 * S + 0.1 * g * g; p = p - lr * g / np.sqrt(S + 1e-8)",
    "RMSProp with momentum": "S = 0.9 * S + 0.1 * g**2; M = 0.9 * M + lr * g / (S**0.5 + 1e-7); p = p - M",
    "AdaDelta": (
        "S = 0.9 * S + 0.1 * g**2; d = np.sqrt(M + 1e-6) / np.sqrt(S + 1e-6) * g; M = 0.9 * M + 0.1 * d**2; p = p - d"
    ),
    "Adam": (
        "M = 0.9 * M + 0.1 * g; V = 0.999 * V + 0.001 * g**2; mh, vh = M / (1 - 0.9**t), V / (1 - 0.999**t); "
        "p = p - lr * mh / (np.sqrt(vh) + 1e-8)"
    ),
    "Adam in one line": (
        "M = 0.9 * M + (1 - 0.9) * g; V = 0.999 * V + (1 - 0.999) * np.square(g); "
        "p = p - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * M / (np.sqrt(V) + 1e-8)"
    ),
    "AdamW": (
        "M = 0.9 * M + 0.1 * g; V = 0.999 * V + 0.001 * g**2; mh, vh = M / (1 - 0.9**t), V / (1 - 0.999**t); "
        "p = p - lr * (mh / (np.sqrt(vh) + 1e-8) + 0.01 * p)"
    ),
    "AMSGrad": (
        "M = 0.9 * M + 0.1 * g; V = 0.999 * V + 0.001 * g**2; S = np.maximum(S, V); "
        "p = p - lr * M / (np.sqrt(S) + 1e-8)"
    ),
    "Nadam": (
        "M = 0.9 * M + 0.1 * g; V = 0.999 * V + 0.001 * g**2; mh, vh = M / (1 - 0.9**t), V / (1 - 0.999**t); "
        "p = p - lr * (0.9 * mh + 0.1 * g / (1 - 0.9**t)) / (np.sqrt(vh) + 1e-8)"
    ),
    "AdaMax": "M = 0.9 * M + 0.1 * g; V = np.maximum(0.999 * V, np.abs(g)); p = p - lr / (1 - 0.9**t) * M / (V + 1e-8)",
    "AdaBelief": (
        "M = 0.9 * M + 0.1 * g; V = 0.999 * V + 0.001 * (g - M) ** 2 + 1e-16; "
        "p = p - lr * M / (1 - 0.9**t) / (np.sqrt(V / (1 - 0.999**t)) + 1e-8)"
    ),
    "Lion": "p = p - lr * np.sign(0.9 * S + 0.1 * g); S = 0.99 * S + 0.01 * g",
}  # fmt: skip
state = {  # how it begins, where it is put, and how it is asked for
    "a dict with get": ("{}", "self.S[k]", "self.S.get(k, 0)"),
    "a dict with get and a float": ("{}", "self.S[k]", "self.S.get(k, 0.0)"),
    "a dict of numbers": ("defaultdict(float)", "self.S[k]", "self.S[k]"),
    "a dict of zeros at first": ("dict.fromkeys(params, 0)", "self.S[k]", "self.S[k]"),
    "setdefault": ("{}", "self.S[k]", "self.S.setdefault(k, np.zeros_like(g))"),
    "zeros beforehand": ("{k: np.zeros_like(p) for k, p in params.items()}", "self.S[k]", "self.S[k]"),
    "None at first": ("None", "self.S[k]", "self.S[k]"),
    "a list": ("[0] * len(params)", "self.S[i]", "self.S[i]"),
    "an object for each": ("[Slot() for _ in params]", "self.S[i].kept", "self.S[i].kept"),
}
trained = """\
from collections import defaultdict

import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 3))
y = np.tanh(X @ rng.normal(size=(3, 2)))


class Slot:
    def __init__(self):
        self.kept = 0.0


class Optimizer:
    def __init__(self, params, lr):
        self.lr, self.t = lr, 0
        self.S = BEGIN

    def step(self, params, grads):
        self.t += 1
        lr, t = self.lr, self.t
        FIRST
        for i, (k, g) in enumerate(grads.items()):
            p = params[k]
            STEP
            params[k] = p


def train_step(params, optimizer, x, y):
    h = np.tanh(x @ params["W1"] + params["b1"])
    d = h @ params["W2"] + params["b2"] - y
    loss = np.sum(d**2) / (2 * len(x))
    d = d / len(x)
    dh = d @ params["W2"].T * (1 - h**2)
    grads = {"W1": x.T @ dh, "b1": dh.sum(0), "W2": h.T @ d, "b2": d.sum(0)}
    optimizer.step(params, grads)
    return loss


params = {
    "W1": rng.normal(size=(3, 4)), "b1": 0.1 * rng.normal(size=4), "W2": rng.normal(size=(4, 2)), "b2": np.zeros(2)
}
optimizer = Optimizer(params, 0.02)
LOOP
"""
loops = {
    "a loop": "for t in range(5):\n    print(train_step(params, optimizer, X, y))",
    "a list": "losses = [train_step(params, optimizer, X, y) for _ in range(5)]",
    "batches in a list": (
        "for epoch in range(2):\n"
        "    rows = rng.permutation(len(X))\n"
        "    each = [train_step(params, optimizer, X[part], y[part]) for part in np.split(rows, 3)]\n"
        "    print(np.mean(each))"
    ),
    "batches in a sum": (
        "for epoch in range(2):\n"
        "    total = sum(train_step(params, optimizer, *part) for part in zip(np.split(X, 3), np.split(y, 3)))"
    ),
}


def training(optimizer, way, around):
    """A script."""
    begin, put, ask = state[way]
    letters = [letter for letter in "SMV" if re.search(rf"\b{letter}\b", optimizers[optimizer])]

    def spelled(line):
        target, _, value = line.partition(" = ")
        for letter in letters:
            target = re.sub(rf"\b{letter}\b", put.replace("self.S", f"self.{letter}"), target)
            value = re.sub(rf"\b{letter}\b", ask.replace("self.S", f"self.{letter}"), value)
        return f"{target} = {value}"

    steps = map(spelled, optimizers[optimizer].split("; "))
    first = [f"if self.{s} is None: self.{s} = {{k: np.zeros_like(p) for k, p in params.items()}}" for s in letters]
    return (
        trained.replace("self.S = BEGIN", "\n        ".join(f"self.{s} = {begin}" for s in letters) or "pass")
        .replace("FIRST", "\n        ".join(first) if begin == "None" and first else "pass")
        .replace("STEP", "\n            ".join(steps))
        .replace("LOOP", loops[around])
    )


each_optimizer = [  # each in three ways, which are others for the next
    (optimizer, list(state)[(n + 3 * m) % len(state)], list(loops)[(n + m) % len(loops)])
    for n, optimizer in enumerate(optimizers)
    for m in range(3)
]


@pytest.mark.parametrize(("optimizer", "way", "around"), each_optimizer)
def test_every_optimizer_is_followed_back_to_the_gradient(optimizer, way, around, file):
    text = training(optimizer, way, around)
    report = audit_script(file(text))
    assert [verdict.judgement for verdict in report.verdicts] == ["right"] * 4
    assert audit_script(file(text.replace('"b1": dh', '"b1": -dh'))).causes == {Cause.SIGN}
    assert audit_script(file(text.replace(" * (1 - h**2)", ""))).causes == {Cause.MISSING_DERIVATIVE}
    step = "- lr * g" if "- lr * g" in text else "p = p - "
    assert audit_script(file(text.replace(step, step.replace("-", "+")))).causes == {Cause.CLIMBS}


# ── parameters that are numbers ──────────────────────────────────────────────────────────────────

numbers = {
    "arguments": """
def fit(a, b, rate, turns):
    for _ in range(turns):
        STEP
        a = a - rate * da
        b = b - rate * db
    return a, b

fit(0.5, -0.5, 0.05, 9)
""",
    "defaults, whole": """
def fit(*, a=0, b=1, rate=0.05, turns=9):
    path = [(a, b)]
    for _ in range(turns):
        STEP
        a, b = a - rate * da, b - rate * db
        path.append((a, b))
    return np.array(path)

fit()
""",
    "a function that gives them back": """
def step_gradient(b, a, rate):
    STEP
    new_b = b - rate * db
    new_a = a - rate * da
    return [new_b, new_a]

def run(start_b, start_a, rate, turns):
    b = start_b
    a = start_a
    for i in range(turns):
        loss = np.mean((a * x + b - y) ** 2)
        b, a = step_gradient(b, a, rate)
    return [b, a]

run(0, 0, 0.05, 9)
""",
    "a function of each": """
def descend(value, slope, rate):
    return value - rate * slope

a, b = 0, 0
for i in range(9):
    STEP
    a = descend(a, da, 0.05)
    b = descend(b, db, 0.05)
""",
    "names between": """
a = b = 0
for i in range(9):
    STEP
    new_a = a - 0.05 * da
    new_b = b - 0.05 * db
    a, b = new_a, new_b
""",
    "a tuple that is unpacked": """
params = (0.0, 0.5)
for i in range(9):
    a, b = params
    STEP
    params = (a - 0.05 * da, b - 0.05 * db)
""",
    "a list": """
theta = [0.0, 0.0]
for i in range(9):
    a, b = theta
    STEP
    theta[0] -= 0.05 * da
    theta[1] -= 0.05 * db
""",
    "a list anew": """
theta = [0.0, 0.0]
for i in range(9):
    a, b = theta
    STEP
    theta = [value - 0.05 * slope for value, slope in zip(theta, [da, db])]
""",
    "a dict of lists": """
p = {"line": [0.0, 0.0]}
for i in range(9):
    a, b = p["line"]
    STEP
    p["line"][0] -= 0.05 * da
    p["line"][1] -= 0.05 * db
""",
    "a dict from a function": """
def init():
    return dict(a=0.0, b=0.0)

p = init()
for i in range(9):
    a, b = p["a"], p["b"]
    STEP
    for name, slope in (("a", da), ("b", db)):
        p[name] = p[name] - 0.05 * slope
""",
    "attributes": """
class Line:
    def __init__(self, a=0.0, b=0.0, rate=0.05):
        self.a, self.b, self.rate = a, b, rate

    def step(self):
        a, b = self.a, self.b
        STEP
        self.a -= self.rate * da
        self.b -= self.rate * db
        return loss

line = Line()
losses = [line.step() for _ in range(9)]
""",
    "fields": """
from dataclasses import dataclass

@dataclass
class Line:
    a: float = 0.0
    b: float = 0.0

line = Line(b=0.5)
for _ in range(9):
    a, b = line.a, line.b
    STEP
    line.a -= 0.05 * da
    line.b -= 0.05 * db
""",
    "attributes of several": """
class Unit:
    def __init__(self, value):
        self.value = value

units = [Unit(0.0), Unit(0.5)]
for _ in range(9):
    a, b = [unit.value for unit in units]
    STEP
    for unit, slope in zip(units, (da, db)):
        unit.value = unit.value - 0.05 * slope
""",
    "momentum": """
a, b, va, vb = 0.0, 0.0, 0.0, 0.0
for i in range(9):
    STEP
    va = 0.9 * va + 0.05 * da
    vb = 0.9 * vb + 0.05 * db
    a -= va
    b -= vb
""",
    "counters beside them": """
a, b, left, first = 0.0, 0, 9, 20
while left > 0:
    x, y = x[:first], y[:first]
    STEP
    a -= 0.05 * da
    b -= 0.05 * db
    left -= 1
    first -= left // 9
""",
}  # fmt: skip


def of_numbers(name):
    """A script."""
    step = ["e = a * x + b - y", "loss = np.mean(e**2)", "da, db = 2 * np.mean(e * x), 2 * np.mean(e)"]
    text = re.sub("( *)STEP\n", lambda at: "".join(f"{at[1]}{line}\n" for line in step), numbers[name])
    return f"""\
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=20)
y = 2 * x - 1 + rng.normal(size=20)
{text}"""


@pytest.mark.parametrize("name", numbers)
def test_a_number_that_an_update_changes_is_a_parameter(name, file):
    text = of_numbers(name)
    assert [verdict.judgement for verdict in audit_script(file(text)).verdicts] == ["right"] * 2
    report = audit_script(file(text.replace("2 * np.mean(e)", "-2 * np.mean(e)")))
    assert report.causes == {Cause.SIGN}
    assert sorted(verdict.judgement for verdict in report.verdicts) == ["right", "wrong"]


def test_a_number_that_is_not_seen_in_time_is_not_judged(file):
    text = of_numbers("fields").replace("    line.b -= 0.05 * db", "    setattr(line, 'b', line.b - 0.05 * db)")
    report = audit_script(file(text))
    assert not report
    assert report["line.b"].judgement == "not judged"
    assert "it was a Python number" in str(report)


def test_two_parameters_that_begin_as_one_array_are_not_judged(file):
    text = of_numbers("names between").replace("a = b = 0", "a = b = np.zeros(1)")
    with pytest.raises(GradientError, match=r"not judged: .* began as one array"):
        audit_script(file(text))


# ── what is not judged ───────────────────────────────────────────────────────────────────────────

unjudged = {
    "no loss was found": "x = 1\n",
    "no update of a parameter was found": data + loop,
    "its loss was computed before the turn": data + """
for t in range(9):
    for i in range(n):
        w -= lr * 2 * (X[i] @ w - y[i]) * X[i]
    loss = np.mean((X @ w - y) ** 2)
""",
    "that of some rows": data + """
for t in range(9):
    i = rng.integers(n)
    g = 2 * (X[i] @ w - y[i]) * X[i]
    loss = np.mean((X @ w - y) ** 2)
    w -= lr * g
""",
    "solves a system": data + loop + """
    w = w - np.linalg.solve(X.T @ X, X.T @ e)
""",
    "could not be recorded": data + loop + """
    w = w - lr * np.array(X.T.tolist()) @ e
""",
    "could not be told": data + loop + """
    w = w @ np.diag(1 - lr * X[0]) - lr * 2 * X.T @ e
""",
}  # fmt: skip


@pytest.mark.parametrize("why", unjudged)
def test_what_cannot_be_compared_is_not_judged(why, file):
    with pytest.raises(GradientError, match=rf"not judged: .*{why}"):
        audit_script(file(unjudged[why]))


def test_two_nets_that_are_trained_in_turns_have_two_losses(file):
    text = (
        data
        + """
u = np.array([0.3])
for t in range(9):
    e = X @ w - y
    loss = np.mean(e**2)
    w -= lr * 2 * X.T @ e / n
    f = X @ w * u - y
    second_loss = np.mean(f**2)
    u -= lr * np.array([np.mean(f)])
"""
    )
    report = audit_script(file(text))
    assert {verdict.name: verdict.judgement for verdict in report.verdicts} == {"w": "right", "u": "not judged"}
    assert "the loss does not depend on it" in str(report)
    both = text.replace("mean(e**2)", "mean(e**2) + 0 * np.sum(u)")
    assert "its update comes from another loss" in str(audit_script(file(both)))


net = """\
import numpy as np

rng = np.random.default_rng(1)
X, y = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
W1, b1, W2, b2 = rng.normal(size=(2, 4)), np.zeros(4), rng.normal(size=(4, 1)), np.zeros(1)
W_true, lr = np.ones((2, 1)), 0.1
for t in range(5):
    h = np.tanh(X @ W1 + b1)
    e = h @ W2 + b2 - y + X @ W_true
    loss = np.mean(e**2)
    d = 2 * e / len(X)
    dz = d @ W2.T * (1 - h**2)
    W1 -= lr * X.T @ dz
    b1 -= lr * dz.sum(0)
    W2 -= lr * h.T @ d
    b2 -= lr * d.sum()
"""
updates = {line.split()[0]: line + "\n" for line in net.splitlines() if "-=" in line}


@pytest.mark.parametrize("name", updates)
def test_a_parameter_that_is_never_updated_is_said(name, file):
    assert audit_script(file(net))
    report = audit_script(file(net.replace(updates[name], "")))
    assert not report
    assert {v.name: v.judgement for v in report.verdicts} == {
        n: "not judged" if n == name else "right" for n in updates
    }
    assert f"3 of 4 gradients are right, 1 not judged: {name}" in str(report)


def test_a_layer_that_a_loop_over_layers_leaves_out_is_said(file):
    text = """\
import numpy as np

rng = np.random.default_rng(1)
X, y = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
W = [rng.normal(size=(2, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 1))]
for t in range(5):
    a = [X]
    for w in W[:-1]:
        a.append(np.tanh(a[-1] @ w))
    e = a[-1] @ W[-1] - y
    loss = np.mean(e**2)
    d, g = 2 * e / len(X), [None] * 3
    for i in (2, 1, 0):
        g[i] = a[i].T @ d
        d = d @ W[i].T * (1 - a[i] ** 2)
    for i in range(3):
        W[i] = W[i] - 0.1 * g[i]
"""
    assert audit_script(file(text))
    report = audit_script(file(text.replace("for i in range(3)", "for i in range(1, 3)")))
    assert {v.name: v.judgement for v in report.verdicts} == {"W.0": "not judged", "W.1": "right", "W.2": "right"}


def test_a_layer_that_is_frozen_on_purpose_is_left_in_peace(file):
    assert audit_script(file(net.replace(updates["W1"], "").replace(updates["b1"], "").replace("d @ W2.T *", "")))


def test_data_that_are_called_like_parameters_are_none(file):
    system = data.replace("w, b, n", "A, b, w, n").replace("rng.normal(size=3), 0.0", "X, y, rng.normal(size=3)")
    assert audit_script(file(system + loop.replace("X @ w + b - y", "A @ w - b") + "    w -= lr * 2 * A.T @ e / n\n"))
    weighted = data.replace("w, b, n", "W, w, n").replace(
        "rng.normal(size=3), 0.0", "np.diag(y**2), rng.normal(size=3)"
    )
    turn = loop.replace("X @ w + b - y", "X @ w - y").replace("np.mean(e**2)", "e @ W @ e")
    assert audit_script(file(weighted + turn + "    w -= lr * 2 * X.T @ (W @ e)\n"))
    rows = data.replace("w, b, n", "bx, w, n").replace("rng.normal(size=3), 0.0", "X, rng.normal(size=3)")
    assert audit_script(file(rows + loop.replace("X @ w + b", "bx @ w") + "    w -= lr * 2 * bx.T @ e / n\n"))


def test_one_number_for_all_entries_of_a_bias_is_wrong(file):
    report = audit_script(file(net.replace("dz.sum(0)", "np.sum(dz)")))
    assert report["b1"].judgement == "wrong"
    assert report.causes == {Cause.WRONG_AXIS}
    assert report.findings[0].sentence == "the sum goes over all axes, and belongs over axis 0"


# ── what is an update, and what is a parameter ───────────────────────────────────────────────────

script = """\
import numpy as np

x = np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 1.0]])
t = np.array([1.0, 0.0, 2.0])
w = np.zeros(2)
for epoch in range(50):
    error = x @ w - t
    loss = np.mean(error**2)
    w = w - 0.01 * 2 * x.T @ error / len(x)
"""


def test_a_script_that_descends_is_right(file):
    report = audit_script(file(script.replace("0.01 * 2 * x.T @ error / len(x)", "0.01 * (2 * x.T @ error / len(x))")))
    assert report
    assert "the update takes the loss from 1.66667 to" in str(report)


def test_an_update_that_goes_up_is_told_from_a_gradient_with_the_wrong_sign(file):
    right = script.replace("0.01 * 2 * x.T @ error / len(x)", "0.01 * (2 * x.T @ error / len(x))")
    report = audit_script(file(right.replace("w = w - ", "w = w + ")))
    assert report.causes == {Cause.CLIMBS}
    assert {f.line for f in report.findings} == {9}
    assert audit_script(file(right.replace("x.T @ error", "x.T @ (t - x @ w)"))).causes == {Cause.SIGN}
    assert audit_script(file(right.replace("x.T @ error", "x.T @ (t - x @ w)").replace("w = w - ", "w = w + ")))


climb = """\
import numpy as np

rng = np.random.default_rng(2)
X, heads, w = rng.normal(size=(8, 3)), rng.integers(0, 2, 8), rng.normal(size=3)
for turn in range(20):
    p = 1 / (1 + np.exp(-X @ w))
    log_likelihood = np.sum(heads * np.log(p) + (1 - heads) * np.log(1 - p))
    w = w + 0.1 * (X.T @ (heads - p))
"""


def test_a_likelihood_is_to_grow(file):
    report = audit_script(file(climb))
    assert report
    assert "the update takes the loss from -" in str(report)
    assert audit_script(file(climb.replace("heads - p)", "heads - p**2)"))).causes


@pytest.mark.parametrize("name", ["J", "value", "objective"])
def test_what_climbs_is_not_accused_where_its_name_does_not_say_that_it_is_to_fall(name, file):
    with pytest.raises(GradientError, match=r"whether .* is to grow could not be told"):
        audit_script(file(climb.replace("log_likelihood", name)))


def test_a_likelihood_that_falls_is_not_judged(file):
    with pytest.raises(GradientError, match="by its name is to grow"):
        audit_script(file(climb.replace("w = w + ", "w = w - ")))


def test_a_script_may_add_up_its_gradients_and_update_by_name(file):
    text = """\
import numpy as np

x, t = np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 1.0]]), np.array([1.0, 0.0, 2.0])
P = {"w": np.ones(2), "c": np.zeros(1)}
for epoch in range(5):
    error = x @ P["w"] + P["c"] - t
    loss = np.sum(error**2)
    D = {name: np.zeros_like(value) for name, value in P.items()}
    for i in range(len(x)):
        D["w"] += 2 * error[i] * x[i]
        D["c"] += 2 * error[i]
    for name in P:
        P[name] = P[name] - 0.01 * D[name]
"""
    report = audit_script(file(text))
    assert report
    assert {verdict.name for verdict in report.verdicts} == {"P.w", "P.c"}
    assert audit_script(file(text.replace("+= 2 * error[i]\n", "-= 2 * error[i]\n"))).causes >= {Cause.SIGN}


def test_a_number_that_is_updated_is_a_parameter_and_a_cost_that_is_added_up_is_none(file):
    text = """\
import numpy as np

x, t = np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 1.0]]), np.array([1.0, 0.0, 2.0])
w, b = np.ones(2), None
b = 0
for epoch in range(5):
    cost, dw, db = 0, np.zeros(2), 0
    for i in range(len(x)):
        error = np.dot(w, x[i]) + b - t[i]
        cost += error**2
        dw += 2 * error * x[i]
        db += 2 * error
    cost /= 3
    w -= 0.01 * (dw / 3)
    b -= 0.01 * (db / 3)
"""
    report = audit_script(file(text))
    assert report
    assert {verdict.name for verdict in report.verdicts} == {"w", "b"}
    wrong = audit_script(file(text.replace("db += 2 * error", "db -= 2 * error")))
    assert {verdict.name: verdict.judgement for verdict in wrong.verdicts} == {"w": "right", "b": "wrong"}


def test_a_square_in_the_loss_of_a_script_is_told(file):
    text = """\
import numpy as np

rng = np.random.default_rng(0)
X, w, lr = rng.normal(size=(20, 3)), np.zeros((3, 1)), 0.05
y = X @ np.array([1.0, 2.0, 3.0])
for epoch in range(9):
    p = X @ w
    loss = np.mean((p - y)**2)
    g = 2 * X.T @ (p - y).mean(axis=1, keepdims=True) / len(y)
    w -= lr * g
"""
    report = audit_script(file(text))
    assert not report
    assert [(f.cause, f.line) for f in report.findings] == [(Cause.BROADCAST, 8)]
    both = text.replace("(p - y)**2", "np.tanh(p) * y + (1 - y) * p**2").replace(
        "(p - y).mean(axis=1, keepdims=True)", "((1 - np.tanh(p)**2) / 2 * y[:, None] + (1 - y[:, None]) * p)"
    )
    report = audit_script(file(both))
    assert {f.cause for f in report.findings} == {Cause.BROADCAST}
    assert report["w"].judgement == "wrong"
    assert audit_script(file(text.replace("y = X @ np.array([1.0, 2.0, 3.0])", "y = X @ np.ones((3, 1))")))


factors = """\
import numpy as np

rng = np.random.RandomState(0)
R, known = rng.rand(6, 5), rng.rand(6, 5) < 0.7
P, Q = rng.rand(6, 2), rng.rand(5, 2)
alpha, beta = 0.02, 0.01
for epoch in range(3):
    total_error = 0
    for u in range(6):
        for i in range(5):
            if known[u, i]:
                e = R[u, i] - P[u] @ Q[i]
                before = P[u].copy()
                P[u] += alpha * (2 * e * Q[i] - beta * P[u])
                Q[i] += alpha * (2 * e * before - beta * Q[i])
                total_error += e**2 + beta / 2 * (P[u] @ P[u] + Q[i] @ Q[i])
"""


labelled = """\
import numpy as np

rng = np.random.default_rng(0)
X, label = rng.normal(size=(10, 4)), np.arange(10) % 3
onehot, known = np.eye(3)[label], np.arange(10) < 6
W, V, c, lr = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=5), 0.1
for _ in range(8):
    h = np.maximum(X @ W + c, 0)
    e = np.exp(h @ V)
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[known, label[known]]))
    d = (p - onehot) / known.sum()
    d[~known] = 0
    dh = d @ V.T * (h > 0)
    V, W, c = V - lr * h.T @ d, W - lr * X.T @ dh, c - lr * dh.sum(axis=0)
"""


@pytest.mark.parametrize(
    ("line", "wrong", "cause"),
    [
        ("    d[~known] = 0\n", "", Cause.EXTRA_PATH),
        ("(p - onehot) /", "(p - onehot) * p * (1 - p) /", Cause.OUTPUT_DERIVATIVE_TWICE),
        ("p - onehot", "p - np.roll(onehot, 1, axis=1)", Cause.WRONG_TARGET),
        ("* (h > 0)", "", Cause.MISSING_DERIVATIVE),
    ],
)
def test_what_a_script_makes_of_its_data_before_is_given(line, wrong, cause, file):
    """One-hot labels and masks that are computed before the loop are data, and no part of the backward pass."""
    assert audit_script(file(labelled))
    assert labelled.count(line) == 1
    assert audit_script(file(labelled.replace(line, wrong))).causes == {cause}


def test_a_square_in_a_loss_of_two_branches_is_told(file):
    text = """\
import numpy as np

rng = np.random.default_rng(0)
X, y, w, n = rng.normal(size=(9, 2)), rng.normal(size=9), rng.normal(size=(2, 1)), 9
for _ in range(4):
    e = X @ w - y
    loss = np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5).mean()
    w = w - 0.1 * X.T @ np.where(np.abs(e) <= 1, e, np.sign(e)).mean(axis=1, keepdims=True) / n
"""
    right = text.replace("- y\n", "- y[:, None]\n")
    assert audit_script(file(right))
    assert Cause.BROADCAST in audit_script(file(text)).causes


def test_a_penalty_that_is_added_up_behind_the_update_is_meant_as_it_was_before(file):
    assert {v.name: v.judgement for v in audit_script(file(factors)).verdicts} == {"P": "right", "Q": "right"}
    assert audit_script(file(factors.replace("2 * e * before", "2 * e * P[u]"))).causes == {Cause.STALE_WEIGHTS}
    assert audit_script(file(factors.replace("2 * e * before", "e * before")))["Q"].judgement == "wrong"


def test_an_error_of_the_script_is_told(file):
    with pytest.raises(GradientError, match="raises ZeroDivisionError"):
        audit_script(file("1 / 0\n"))


# ── branches and keys that are Python's ──────────────────────────────────────────────────────────

pooled = """\
import numpy as np

np.random.seed(3)
image, K, v = np.random.randn(4, 4), np.random.randn(4, 4), np.array([[1.0, -2.0], [1.5, -0.5]])

def pool(z):
    return z.reshape(2, 2, 2, 2).max(axis=(1, 3))

for step in range(5):
    z = np.tanh(image @ K)
    p = pool(z)
    loss = np.sum(p * v) ** 2
    dp = 2 * np.sum(p * v) * v
    dz = np.zeros((4, 4))
    for i in range(2):
        for j in range(2):
            patch = z[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            CHOICE
            dz[2 * i + a, 2 * j + b] = dp[i, j]
    dz *= 1 - z**2
    K -= 0.01 * image.T @ dz
    v -= 0.01 * 2 * np.sum(p * v) * p
"""
choices = {
    "unravel_index": "a, b = np.unravel_index(np.argmax(patch), patch.shape)",
    "divmod": "a, b = divmod(np.argmax(patch), 2)",
    "int": "a, b = divmod(int(np.argmax(patch)), 2)",
    "item": "k = patch.argmax().item(); a, b = k // 2, k % 2",
    "where": "a, b = (int(k[0]) for k in np.where(patch == patch.max()))",
    "list": "k = list(patch.ravel()); a, b = divmod(k.index(max(k)), 2)",
    "max": "a, b = max(((s, t) for s in range(2) for t in range(2)), key=lambda at: patch[at])",
    "if": "a, b = (0, 0) if patch[0, 0] == patch.max() else (0, 1) if patch[0, 1] == patch.max() else "
    "(1, 0) if patch[1, 0] == patch.max() else (1, 1)",
}


@pytest.mark.parametrize("way", choices)
def test_what_python_chose_by_values_stays_chosen_on_other_inputs(way, file):
    text = pooled.replace("CHOICE", choices[way])
    assert audit_script(file(text))
    report = audit_script(file(text.replace("dz *= 1 - z**2", "")))
    assert report.causes == {Cause.MISSING_DERIVATIVE}


labels = """\
import numpy as np

rng = np.random.default_rng(1)
X, y = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
W = rng.normal(size=(3, 3))
Y = np.zeros((6, 3))
for n in range(6):
    Y[n, int(y[n])] = 1
for _ in range(3):
    e = np.exp(X @ W)
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(6), y]))
    W -= 0.1 * X.T @ (p - Y) / 6
"""
branches = """\
import numpy as np

rng = np.random.default_rng(1)
X, y = rng.normal(size=(6, 3)), np.sign(rng.normal(size=6))
w = rng.normal(size=3)
for _ in range(3):
    loss, g = 0.0, np.zeros(3)
    for n in range(6):
        margin = y[n] * (X[n] @ w)
        loss += max(0.0, 1 - margin)
        if margin < 1:
            g -= y[n] * X[n]
    w -= 0.1 * g
"""


lost = (
    data
    + """
from statistics import fmean
for _ in range(5):
    e = X @ w - y
    loss = np.mean((e - e.mean()) ** 2)
    w -= lr * 2 * X.T @ (e - fmean(e)) / n
"""
)


@pytest.mark.parametrize("text", [labels, branches, lost])
def test_a_right_script_is_right_where_only_some_of_it_could_follow_other_inputs(text, file):
    assert audit_script(file(text))


@pytest.mark.parametrize("bend", ["np.maximum({}, 0)", "np.tanh({})", "1 / (1 + np.exp(-{}))"])
def test_the_activation_of_a_cotangent_is_no_product_with_its_derivative(bend, file):
    text = (
        data
        + f"""
W, c = rng.normal(size=(3, 4)), np.zeros(4)
v = rng.normal(size=4)
for _ in range(5):
    z = X @ W + c
    h = {bend.format("z")}
    e = h @ v - y
    loss = np.mean(e**2)
    de = 2 * e / n
    dh = np.outer(de, v)
    dz = {bend.format("dh")}
    W -= lr * X.T @ dz
    c -= lr * dz.sum(axis=0)
    v -= lr * h.T @ de
"""
    )
    assert audit_script(file(text)).causes == {Cause.WRONG_DERIVATIVE}


def test_labels_of_whole_numbers_in_another_code_are_told(file):
    text = """\
import numpy as np

rng = np.random.default_rng(1)
Y = (np.arange(8) % 2).reshape(1, 8)
X, w, b = rng.normal(size=(3, 8)), rng.normal(size=(1, 3)), np.zeros((1, 1))
for _ in range(3):
    p = 1 / (1 + np.exp(-(w @ X + b)))
    loss = -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p))
    dz = (p - (2 * Y - 1)) / 8
    w -= 0.5 * dz @ X.T
    b -= 0.5 * dz.sum(axis=1, keepdims=True)
"""
    assert audit_script(file(text)).causes == {Cause.WRONG_TARGET}


def test_one_number_with_the_axes_of_a_bias_is_what_an_optimizer_is_given(file):
    text = (
        data
        + """
W, c = 0.3 * rng.normal(size=(4, 3)), np.zeros((4, 1))
M, m = np.zeros((4, 3)), np.zeros((4, 1))
for _ in range(5):
    a = np.tanh(W @ X.T + c)
    e = a.sum(axis=0) - y
    loss = np.mean(e**2)
    dz = 2 * e / n * (1 - a**2)
    dc = np.sum(dz, keepdims=True)
    m = 0.9 * m + 0.1 * dc
    M = 0.9 * M + 0.1 * (dz @ X)
    W -= lr * M
    c -= lr * m
"""
    )
    assert audit_script(file(text)).causes == {Cause.WRONG_AXIS}
    assert audit_script(file(text.replace("dz, keepdims", "dz, axis=1, keepdims")))
