"""Pictures: lines of equal height, the path of descent, decision boundaries, gradient flow, histograms."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn
from maplet.errors import DataError, ShapeError
from maplet.explain.contours import levels, segments
from maplet.explain.courses import loss_curves
from maplet.explain.flows import gradient_flow, histogram, spread_over_time
from maplet.explain.landscapes import landscape
from maplet.explain.planes import activations, decision_boundary

SVG = "{http://www.w3.org/2000/svg}"
rng = np.random.default_rng(0)


def parsed(picture):
    """The drawing, which must be a file of its own and say what it shows."""
    root = ET.fromstring(picture.svg)
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text == picture.title
    assert root.find(f"{SVG}desc").text == picture.description
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", picture.svg)
    return root


def of_class(root, name):
    return [e for e in root.iter() if name in e.get("class", "").split()]


# ── lines of equal height ────────────────────────────────────────────────────────────────────────


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-5, 5))
@settings(deadline=None)
def test_on_a_plane_the_line_is_where_the_height_is_the_level(a, b, level):
    y, x = np.mgrid[0:7, 0:9].astype(float)
    for piece in segments(a * x + b * y, level):
        for column, row in piece:
            assert a * column + b * row == pytest.approx(level, abs=1e-6)


def test_a_circle_is_closed_and_round():
    y, x = np.mgrid[-2:2:41j, -2:2:41j]
    pieces = segments(x**2 + y**2, 1.003)
    ends = [tuple(np.round(end, 9)) for piece in pieces for end in piece]
    assert all(ends.count(end) == 2 for end in ends)
    radii = [np.hypot(column / 10 - 2, row / 10 - 2) for column, row in ends]
    assert max(abs(radius - 1) for radius in radii) < 5e-3


def test_a_saddle_is_parted_by_its_middle_and_what_is_not_finite_has_no_line():
    saddle = np.asarray([[1.0, 0.0], [0.0, 1.0]])  # its middle is at 0.5
    for level, cut_off in ((0.4, 0.0), (0.6, 1.0)):
        corners = [tuple(np.round(np.mean(piece, axis=0)).astype(int)[::-1]) for piece in segments(saddle, level)]
        assert len(set(corners)) == 2
        assert [saddle[corner] for corner in corners] == [cut_off, cut_off]
    assert segments(np.asarray([[0.0, np.nan], [1.0, 1.0]]), 0.5) == []
    assert levels(np.full((3, 3), np.nan), 4) == []
    assert levels(np.ones((3, 3)), 4) == [1.0]


# ── the landscape ────────────────────────────────────────────────────────────────────────────────


def valley(p):
    return (1 - p[0]) ** 2 + 20 * (p[1] - p[0] ** 2) ** 2


def test_the_path_of_two_parameters_on_their_own_axes():
    path = [np.asarray([-1.2, 1.0])]
    for _ in range(20):
        path.append(path[-1] - 0.002 * mp.grad(valley)(mp.asarray(path[-1])).numpy())
    picture = landscape(valley, path, size=21)
    heights = [float(text.text) for text in of_class(parsed(picture), "level")]
    assert len(heights) >= 3
    assert heights == sorted(heights)
    root = parsed(picture)
    assert len(of_class(root, "contour")) == 14
    assert "parameter 1" in picture.svg
    assert f"the loss goes from {valley(path[0]):.4g} to {valley(path[-1]):.4g}" in picture.description


def test_a_path_in_a_plane_of_many_parameters_is_seen_whole():
    u, v = np.linalg.qr(rng.normal(size=(7, 2)))[0].T
    path = [{"a": p[:3], "b": p[3:].reshape(2, 2)} for p in (t * u + np.sin(t) * v for t in np.linspace(0, 3, 12))]
    seen = []

    def loss(point):
        seen.append(np.concatenate([point["a"], point["b"].reshape(-1)]))
        return np.sum(seen[-1] ** 2)

    picture = landscape(loss, path, size=5)
    shares = [int(share) for share in re.findall(r"\((\d+)% of the path\)", picture.svg)]
    assert sum(shares) in (99, 100, 101)
    assert shares[0] > shares[1] > 0
    normal = np.linalg.svd(np.stack([u, v]))[2][2:]
    assert np.abs(np.stack(seen) @ normal.T).max() < 1e-9  # the slice is the plane of the path


def test_a_net_on_its_way():
    net = nn.Linear(2, 1, rng=0)
    x, y = rng.normal(size=(8, 2)).astype(np.float32), np.ones((8, 1), np.float32)
    path = []
    for _ in range(6):
        gradients = mp.grad(lambda net: nn.mse(net(x), y))(net)
        for name, parameter in net.parameters().items():
            parameter[...] = parameter - 0.1 * gradients[name]
        path.append({name: leaf.numpy().copy() for name, leaf in net.parameters().items()})

    def loss(weights):
        net.load_state(weights)
        return nn.mse(net(x), y)

    parsed(landscape(loss, path, size=7))


def test_a_path_that_is_none_is_refused():
    with pytest.raises(DataError, match="expected two points or more, given 1"):
        landscape(valley, [np.ones(2)])
    with pytest.raises(ShapeError, match=r"path\[1\] has other parameters or shapes"):
        landscape(valley, [np.ones(2), np.ones(3)])
    with pytest.raises(ShapeError, match="two parameters or more"):
        landscape(lambda p: p[0], [np.ones(1), np.zeros(1)])
    with pytest.raises(ShapeError, match=r"the loss is one number, given shape \(2,\)"):
        landscape(lambda p: p, [np.ones(2), np.zeros(2)])
    with pytest.raises(DataError, match="no loss around the path is finite"):
        landscape(lambda p: np.nan * p[0], [np.ones(2), np.zeros(2)], size=3)


# ── the plane of the inputs ──────────────────────────────────────────────────────────────────────


def test_a_decision_boundary_counts_what_is_on_the_wrong_side():
    x = rng.normal(size=(30, 2))
    y = (x[:, 0] > 0.2).astype(int)
    wrong = int(((x[:, 0] > 0) != y).sum())
    for net in (lambda x: x[:, :1], lambda x: x[:, 0], lambda x: mp.stack([-x[:, 0], x[:, 0]], axis=1)):
        picture = decision_boundary(net, mp.asarray(x), y, size=12)
        assert picture.description == f"30 points, {wrong} of them on the wrong side"
        root = parsed(picture)
        assert len(of_class(root, "point")) == 30
        assert len(of_class(root, "area")) == 2
        assert len(of_class(root, "sample")) == 2
        assert {"class 0", "class 1"} <= {text.text for text in root.iter(f"{SVG}text")}
    with pytest.raises(ShapeError, match=r"points of the plane, \(N, 2\), given shape \(4, 3\)"):
        decision_boundary(lambda x: x, np.ones((4, 3)), np.ones(4))


def test_losses_have_a_line_for_each_name_and_gaps_where_they_are_not_finite():
    net, data = nn.Linear(2, 1, rng=0), (np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
    options = {"loss": "mse", "optimizer": mp.optim.SGD(0.1), "validation": data, "progress": False, "lint": False}
    run = mp.fit(net, data, epochs=3, **options)
    first, last = run.history[0], run.history[-1]
    for language, names in {"en": ("training", "validation"), "zh": ("训练", "验证")}.items():
        picture = loss_curves(run.history, language=language)
        root = parsed(picture)
        assert {*names} <= {text.text for text in root.iter(f"{SVG}text")}
        assert f"{first['loss']:.4g}" in picture.description
        assert f"{last['val_loss']:.4g}" in picture.description
        assert len(of_class(root, "course")) == 4  # two lines, and two in the legend
    (line, _) = of_class(parsed(loss_curves({"one": [4.0, np.nan, 2.0, 1.0, np.inf]})), "course")
    assert line.get("d").count("M") == 2
    assert loss_curves({"none": [np.nan], "some": [1.0]}).description.startswith("none: nothing that is finite")
    with pytest.raises(DataError, match="nothing to draw"):
        loss_curves({"none": [np.nan]})
    with pytest.raises(DataError, match="has shape"):
        loss_curves({"two": np.ones((2, 2))})


def test_every_unit_has_its_tile():
    net = nn.Linear(2, 6, rng=0)
    x = rng.normal(size=(9, 2)).astype(np.float32)
    root = parsed(activations(lambda x: mp.tanh(net(x)), x, size=9))
    assert len(of_class(root, "contour")) == 18
    parsed(activations(lambda x: mp.zeros((x.shape[0], 2)), x, size=5))  # units that are dead
    with pytest.raises(ShapeError, match="units"):
        activations(lambda x: mp.asarray(x)[:, 0], x)


# ── bars ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_flow_shows_a_gradient_that_vanishes():
    net = nn.Sequential(*[layer for n in range(5) for layer in (nn.Linear(8, 8, rng=n), nn.Sigmoid())])
    x = rng.normal(size=(4, 8)).astype(np.float32)
    root = parsed(gradient_flow(mp.explain(lambda net: mp.mean(net(x) ** 2), net)))
    widths = [float(bar.get("width")) for bar in of_class(root, "bar")]
    assert len(widths) == 10
    assert widths[0] < 0.5 * widths[-2]
    with pytest.raises(DataError, match="nothing to draw"):
        gradient_flow(mp.explain(lambda x: mp.sum(x * 0.0), np.ones(2)))


def test_a_histogram_has_an_area_in_the_measure_of_its_numbers():
    picture = histogram(rng.normal(size=(50, 10)), bins=20)
    parsed(picture)
    assert "500 numbers from" in picture.description
    with pytest.raises(DataError, match="none of the 2 numbers is finite"):
        histogram([np.nan, np.inf])


def test_the_bands_of_a_spread_lie_inside_one_another():
    series = [rng.normal(size=400) * (1 + n) for n in range(6)]
    picture = spread_over_time(series)
    bands = of_class(parsed(picture), "bar")
    assert len(bands) == 6
    heights = [[float(y) for y in re.findall(r"\s(-?[\d.]+)(?=[LZ])", band.get("d"))] for band in bands]
    for lower, upper in pairwise(heights):  # what ends one band begins the next
        assert upper[6:] == lower[:6][::-1]
    assert "6 steps; the median goes from" in picture.description
    with pytest.raises(DataError, match="expected two steps or more"):
        spread_over_time([np.ones(3)])
    with pytest.raises(DataError, match="step 1 has no finite number"):
        spread_over_time([np.ones(3), np.full(3, np.nan)])


def test_a_picture_is_saved_and_shown(tmp_path):
    picture = histogram([1.0, 2.0])
    picture.save(tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text(encoding="utf-8") == picture._repr_svg_() == picture.svg
    with pytest.raises(DataError, match="cannot write"):
        picture.save(tmp_path / "no" / "p.svg")


def test_counts_of_a_histogram_are_whole():
    labels = re.findall(r">([^<>]*)</text>", histogram(np.asarray([0.0, 0.0, 1.0, 3.0])).svg)
    assert {"0", "1", "2"} <= set(labels)
    assert not {"0.5", "1.5"} & set(labels[: labels.index("2") + 1])
