"""What explain, derive and the pictures are given that does not belong there: taken, or refused with a way out."""

import inspect

import numpy as np
import pytest

import maplet as mp
from maplet.errors import DataError, MapletError
from maplet.explain.courses import loss_curves
from maplet.explain.derivation import Derivation
from maplet.explain.flows import gradient_flow, histogram, spread_over_time
from maplet.explain.landscapes import landscape
from maplet.explain.planes import activations, decision_boundary
from test_bad_calls import BAD

plane = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
classes = np.array([0, 1, 0, 1, 0, 1])
path = [np.asarray([2.0, 1.0]) * 0.8**n for n in range(4)]
MORE = BAD | {
    "10⁴⁰⁰": 10**400, "1e300": 1e300, "NaNs": np.full((6, 2), np.nan), "infinities": np.full((6, 2), np.inf),
    "huge": np.full((6, 2), 1e300), "no rows": np.ones((0, 2)), "texts": np.array([["a", "b"]] * 6),
    "objects": np.array([[None, 1]] * 6), "complex array": np.ones((6, 2)) * 1j, "ragged": [[1.0], [1.0, 2.0]],
    "nothing given": lambda *_: None, "a text given": lambda *_: "x", "NaN given": lambda *_: np.nan,
    "points": plane, "integers": np.ones((6, 2), int),
}  # fmt: skip


def loss(w, x):
    z = x @ w
    return mp.sum(mp.tanh(z))


def looped(w, x):
    return mp.scan(lambda h, row: (mp.tanh(w * h + row), None), 0.0, x)[0]


def net(x):
    return x[:, :1]


def valley(p):
    return p[0] ** 2 + 3 * p[1] ** 2


derivation = mp.explain(loss, np.ones((2, 2)), np.ones((3, 2)))
loop = mp.explain(looped, 0.5, np.ones(3))
gradients = mp.derive(loss, np.ones((2, 2)), np.ones((3, 2)))
texts = ["text", "a word"]
points = ["points", "integers"]


def picture_of(function, *given, **usual):
    """The calls of a picture, one argument of it at a time."""
    names = list(inspect.signature(function).parameters)
    known = dict(zip(names, given, strict=False)) | usual
    return {name: (lambda value, name=name: function(**{**known, name: value})) for name in names}


# label: (call, which of the values it takes; all others must be refused)
CALLS = {
    "entry": (lambda v: derivation.text(entry=v), ["None"]),
    "place of an entry": (lambda v: derivation.text(entry=("w", (0, v))), ["0"]),
    "name of an entry": (lambda v: derivation.text(entry=(v, (0, 0))), []),
    "node": (lambda v: derivation[v], []),
    "chain": (derivation.chain, []),
    "name of inside": (loop.inside, []),
    "step of inside": (lambda v: loop.inside("v2", v), ["0", "−1", "None"]),
    "learning rate": (derivation.descend, ["2.5", "1e300"]),
    "names of a step": (lambda v: derivation.descend(0.1, v), ["None"]),
    "language": (lambda v: mp.explain(loss, np.ones((2, 2)), np.ones((3, 2)), language=v), []),
    "names of derive": (lambda v: mp.derive(loss, np.ones((2, 2)), np.ones((3, 2)), names=v), ["None"]),
    "indexed": (lambda v: gradients.text(indexed=v), ["True"]),
    "indexed latex": (lambda v: gradients.latex(indexed=v), ["True"]),
    "operand of local": (derivation["v1"].local, ["0"]),
    **{f"unfold of {form}": (lambda v, form=form: getattr(derivation, form)(unfold=v), ["True"])
       for form in ("text", "latex", "mermaid", "html")},
    **{f"save {name}": (lambda v: histogram(plane).save(v), []) for name in ("a picture",)},
}  # fmt: skip
PICTURES = {
    "landscape": (picture_of(landscape, valley, path, size=5), {"f": [], "path": points, "size": [], "lines": []}),
    "decision_boundary": (picture_of(decision_boundary, net, plane, classes, size=5),
                          {"net": [], "x": points, "y": [], "size": []}),
    "activations": (picture_of(activations, net, plane, size=5), {"layer": [], "x": points, "size": []}),
    "loss_curves": (picture_of(loss_curves, {"SGD": [1.0, 0.5]}), {"losses": []}),
    "gradient_flow": (picture_of(gradient_flow, derivation), {"derivation": []}),
    "histogram": (picture_of(histogram, plane),
                  {"values": ["0", "−1", "2.5", "True", "an array", *points], "bins": []}),
    "spread_over_time": (picture_of(spread_over_time, [plane, plane]), {"series": ["an array", "ragged", *points]}),
}  # fmt: skip
for name, (calls, taken) in PICTURES.items():
    for argument, call in calls.items():
        usual = {"title": [*texts, "None"], "language": []}
        CALLS[f"{argument} of {name}"] = (call, ({**usual, **taken})[argument])


@pytest.mark.parametrize("label", CALLS)
def test_what_does_not_belong_there_is_refused_with_a_way_out(label):
    call, expected = CALLS[label]
    taken, wrong = [], []
    for name, value in MORE.items():
        if label.startswith("save") and name in texts:  # these are names of files
            continue
        if value is int and label.split()[0] in ("f", "net", "layer"):  # its own error is the user's
            continue
        try:
            call(value)
            taken.append(name)
        except MapletError as error:
            if not error.fix or len(error.message) > 300:
                wrong.append(f"{name}: no fix, or too long: {error}")
        except Exception as error:  # noqa: BLE001  (which one it is does not matter: it is none that teaches)
            wrong.append(f"{name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)
    assert sorted(taken) == sorted(expected)


def test_every_argument_of_a_view_is_in_the_table():
    for form in ("text", "latex", "mermaid", "html", "inside", "descend"):
        arguments = [name for name in inspect.signature(getattr(Derivation, form)).parameters if name != "self"]
        known = {"entry", "unfold", "name", "step", "learning_rate", "names"}
        assert known.issuperset(arguments), form


# ── what is drawn of numbers at the edge ─────────────────────────────────────────────────────────


def test_integers_are_asked_about_as_floats():
    """A grid between points that are integers is not rounded to integers."""
    seen = []

    def remembered(x):
        seen.append(np.asarray(x))
        return x[:, :1] - 0.5

    one = decision_boundary(remembered, [[0, 0], [1, 1]], [0, 1], size=9)
    other = decision_boundary(remembered, np.float32([[0, 0], [1, 1]]), [0, 1], size=9)
    assert one.svg == other.svg
    assert len(np.unique(seen[0])) > 4
    activations(remembered, [[0, 0], [1, 1]], size=9)
    assert len(np.unique(seen[-1])) > 4
    whole, real = ([np.asarray([n, 2 * n], dtype) for n in (3, 2, 1)] for dtype in (int, np.float32))
    assert landscape(valley, whole, size=9).svg == landscape(valley, real, size=9).svg


@pytest.mark.parametrize("middle", [0.0, 1.0, 1e12, -1e17, 1e100])
def test_numbers_that_are_all_the_same_are_drawn(middle):
    same = np.full((4, 2), middle)
    decided = decision_boundary(lambda x: x[:, 0] * 0, same, [0, 0, 0, 0], size=4)
    for picture in (histogram(same), spread_over_time([same, same]), decided):
        assert "nan" not in picture.svg
        assert "inf" not in picture.svg
    landscape(lambda p: p[0] * 0 + 1.0, [same[0], same[0]], size=4)


@pytest.mark.parametrize("count", [1, 3])
def test_classes_are_those_that_the_net_tells_apart(count):
    def logits(x):
        return mp.concat([x[:, :1]] * count, axis=1)

    most = max(count, 2) - 1
    decision_boundary(logits, plane, np.full(6, most), size=4)
    decision_boundary(logits, plane, np.full((6, 1), float(most)), size=4)
    for wrong in (most + 1, -1, 0.5):
        with pytest.raises(DataError, match=f"{wrong:g} is none of the {most + 1} classes"):
            decision_boundary(logits, plane, np.full(6, wrong), size=4)


def test_where_a_unit_is_not_finite_nothing_is_drawn():
    picture = activations(lambda x: mp.stack([x[:, 0] * np.nan, mp.log(x[:, 0])], axis=1), plane, size=9)
    assert 'd="Mnan' not in picture.svg
    with pytest.raises(DataError, match="the net gives NaN at"):
        decision_boundary(lambda x: mp.log(x[:, :1]), plane, classes, size=4)
