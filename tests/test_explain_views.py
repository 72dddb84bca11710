"""How a derivation is shown: as text, LaTeX, Mermaid and HTML."""

import json
import re
from html.parser import HTMLParser
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn
from maplet.errors import PositionError, SettingError
from maplet.explain.chains import chain_formulas
from maplet.explain.folding import by_layer, grouped, title_of
from maplet.explain.layout import places
from maplet.explain.picture import boxes as picture_of
from maplet.explain.print_text import text
from maplet.explain.text import backward_equation, forward_equation
from maplet.explain.unrolled import spoken_of


def array(numbers):
    return np.asarray(numbers, np.float64)


def scalar(w, x, b):
    z = w * x + b
    a = mp.sigmoid(z)
    return (a - 1.0) ** 2


def small(language="en"):
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 2, rng=1))
    x = array([[1, -1], [2, 0.5]]).astype(np.float32)
    return mp.explain(lambda net, x, y: nn.cross_entropy(net(x), y), net, x, np.asarray([0, 1]), language=language)


def deep():
    net = nn.Sequential(*[layer for n in range(12) for layer in (nn.Linear(9, 9, rng=n), nn.LayerNorm(9))])
    return mp.explain(lambda net, x: mp.mean(net(x) ** 2), net, np.ones((4, 9), np.float32))


def long():
    def f(x):
        for _ in range(5000):
            x = mp.sin(x) * 1.01
        return x

    return mp.explain(f, 0.5)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────

textbook = """\
scalar: loss = 0.142537 · 5 steps

forward pass
  v1 = w·x = 0.5·2 = 1                    # L:24
  z = v1 + b = 1 − 0.5 = 0.5              # L:24
  a = σ(z) = σ(0.5) = 0.622459            # L:25
  v2 = a − 1 = 0.622459 − 1 = −0.377541   # L:26
  loss = v2² = (−0.377541)² = 0.142537    # L:26

backward pass
  ∂loss/∂loss = 1
  ∂loss/∂v2 = ∂loss/∂loss·2·v2 = 1·(−0.755081) = −0.755081
  ∂loss/∂a = ∂loss/∂v2 = (−0.755081)·1 = −0.755081
  ∂loss/∂z = ∂loss/∂a·a·(1 − a) = (−0.755081)·0.235004 = −0.177447
  ∂loss/∂v1 = ∂loss/∂z = (−0.177447)·1 = −0.177447
  ∂loss/∂w = ∂loss/∂v1·x = (−0.177447)·2 = −0.354894
  ∂loss/∂x = ∂loss/∂v1·w = (−0.177447)·0.5 = −0.0887235
  ∂loss/∂b = ∂loss/∂z = (−0.177447)·1 = −0.177447"""


def test_scalars_read_like_a_textbook():
    shown = mp.explain(scalar, array(0.5), array(2), array(-0.5)).text()
    assert re.sub(r" +# \S+:\d+", "", shown) == re.sub(r" +# L:\d+", "", textbook).replace("1 − 0.5", "1 + (−0.5)")


def test_small_nets_read_matrix_by_matrix_in_two_languages():
    english, chinese = small().text(), small("zh").text()
    assert "∂loss/∂layers.2.weight = layers.1ᵀ ∂loss/∂v3 : f32[3,2]" in english
    assert "A product: each factor gets the gradient times the other one" in english
    assert "前向传播" in chinese
    assert "链式法则" in chinese
    formulas = [[line for line in shown.splitlines()[1:] if " = " in line] for shown in (english, chinese)]
    assert formulas[0] == formulas[1]


def test_an_entry_on_demand():
    derivation = small()
    lines = derivation.text(entry=("layers.2.weight", (0, 1))).splitlines()
    assert lines[0].startswith("layers.2.weight[0,1] = ")
    assert lines[1].startswith(
        "∂loss/∂layers.2.weight[0,1] = layers.1[0,0]·∂loss/∂v3[0,1] + layers.1[1,0]·∂loss/∂v3[1,1]"
    )
    assert float(lines[1].rpartition(" = ")[2].replace("−", "-")) == pytest.approx(
        float(derivation.gradients()["layers.2.weight"][0, 1]), rel=1e-5
    )
    with pytest.raises(SettingError, match=r"is no place in it"):
        derivation.text(entry=("layers.2.weight", (0,)))
    with pytest.raises(PositionError, match=r"\(5, 0\) is outside"):
        derivation.text(entry=("layers.2.weight", (5, 0)))


def test_large_nets_are_folded_by_layer_and_unfold_on_demand():
    derivation = deep()
    shown = derivation.text()
    assert shown.count("\n") < 90
    assert re.search(r"layers\.0 +matmul, add +f32\[4,9\]", shown)
    assert set(shown.splitlines()) <= set(derivation.text(unfold="layers.1").splitlines())
    with pytest.raises(SettingError, match="no such group") as caught:
        derivation.html(unfold="layer.1")
    assert "layers.1" in caught.value.fix
    assert len(derivation.text(unfold=True).splitlines()) > 3 * len(derivation.steps)


def very_deep(count):
    net = nn.Sequential(
        nn.Linear(2, 3, rng=0), *[one for n in range(count) for one in (nn.ReLU(), nn.Linear(3, 3, rng=n))]
    )
    return mp.explain(mean_square, net, np.ones((4, 2), np.float32))


@pytest.mark.parametrize("form", ["text", "latex", "mermaid", "html"])
def test_a_run_of_equal_layers_is_one_however_long_it_is(form):
    short, long = (getattr(very_deep(count), form)() for count in (60, 120))
    assert len(long) < (1.9 if form == "html" else 1.1) * len(short)  # the page lists the layers of the run
    assert ("120 #215;" if form == "mermaid" else "120") in long


def test_a_run_is_unfolded_by_its_title_and_a_layer_in_it_by_its_own():
    derivation = very_deep(60)
    assert [step for fold in grouped(derivation) for step in fold.steps] == derivation.steps
    (run,) = [fold for fold in grouped(derivation) if fold.groups]
    assert run.times == 60
    assert [fold.title for fold in grouped(derivation, run.title)] == [fold.title for fold in by_layer(derivation)]
    shown = derivation.text(unfold=run.title)
    assert all(f"\n  {fold.title} " in shown for fold in by_layer(derivation))
    assert all(f"\n  {leaf.name} " in shown for leaf in derivation.leaves)
    opened = derivation.text(unfold="layers.40")
    assert "\n  layers.40 = " in opened
    assert "\n  layers.42 = " not in opened
    titles = [box.title for box in picture_of(derivation, "layers.40")[0]]
    assert [title for title in titles if "…" in title] == ["layers.1 … layers.38", "layers.41 … layers.120"]


def mean_square(net, x):
    return mp.mean(net(x) ** 2)


unfoldable = {
    "linears": (nn.Sequential(*[nn.Linear(3, 3, rng=n) for n in range(4)]), (2, 3)),
    "images": (nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                             nn.Linear(8, 2, rng=1)), (2, 6, 6, 1)),
    "transformer": (nn.TransformerEncoderLayer(4, 2, rng=0, dropout=0.0), (2, 3, 4)),
    "recurrent": (nn.Sequential(nn.LSTM(2, 3, rng=0), nn.FinalOutput(), nn.Linear(3, 1, rng=1)), (2, 3, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", unfoldable)
def test_a_layer_that_is_unfolded_is_shown_whole_and_the_rest_folded(name):
    net, shape = unfoldable[name]
    derivation = mp.explain(mean_square, net, np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))
    groups = by_layer(derivation)
    assert len(groups) > 2
    for group in groups:
        shown = derivation.text(unfold=group.title)
        table, _, below = shown.partition(f"\n\n{group.title}\n\n")
        for other in groups:
            assert re.search(rf"^  {re.escape(other.title)} +\S", table, re.MULTILINE)
        titles = [title for title in (one.title for one in groups) if f"{title}.".startswith(f"{group.title}.")]
        inside = [step for step in derivation.steps if title_of(step.origin, derivation) in titles]
        parameters = [leaf for leaf in derivation.leaves if any(leaf.name in step.operands for step in inside)]
        for step in spoken_of(inside):
            assert f"\n  {step.name} = " in below
        for one in (*spoken_of(inside), *parameters):
            if one.cotangent is not None:
                assert f"\n  ∂loss/∂{one.name} " in below
        strangers = [step for step in derivation.steps if step not in inside]
        assert not any(f"\n  {step.name} = " in below for step in strangers)
        boxes, _ = picture_of(derivation, group.title)
        alone = [box.steps[0] for box in boxes if len(box.steps) == 1]
        assert {*spoken_of(inside), *parameters} <= set(alone)
        assert derivation.html(unfold=group.title)
        assert derivation.latex(unfold=group.title)


@pytest.mark.slow
def test_ten_thousand_nodes_are_folded():
    derivation = long()
    assert len(derivation.steps) == 10_000
    assert "5000 × sin, 5000 × multiply" in derivation.text()
    for shown in (derivation.latex(), derivation.mermaid(), derivation.html()):
        assert "5000 × sin" in shown.replace("#215;", "×").replace(r"$\times$", "×")
        assert len(shown) < 200_000


def test_more_steps_than_can_be_drawn_are_listed():
    """Each step has its row, with the numbers that its box would have; the page says why nothing is drawn."""

    def f(x):
        for _ in range(600):
            x = mp.sin(x) * 1.01
        return x

    derivation = mp.explain(f, 0.5)
    shown = derivation.html(unfold=True)
    page = Page(shown)
    assert not any(tag in ("svg", "math") for tag, _ in page.elements)
    rows = re.findall(r"<tr><th[^>]*>([^<]+)</th><td[^>]*>([^<]+)</td><td>= ([^<]+)</td><td>∂ ([^<]+)</td></tr>", shown)
    assert [row[0] for row in rows] == [one.name for one in (*derivation.leaves, *derivation.steps)][1:]
    read = [(float(value.replace("−", "-")), float(sent.replace("−", "-"))) for _, _, value, sent in rows]
    np.testing.assert_allclose(read, [(step.value, step.cotangent) for step in derivation.steps], rtol=1e-5)
    assert "1,201 steps; more than 1,000 are listed and not drawn" in shown
    assert "svg" in derivation.html()


@pytest.mark.parametrize("form", ["text", "latex", "mermaid", "html"])
def test_what_is_shown_is_linear_in_the_layers(form):
    few, many = (
        len(getattr(mp.explain(mean_square, nn.Sequential(*[nn.Tanh()] * count), np.ones(3, np.float32)), form)())
        for count in (150, 300)
    )
    assert many < 2.1 * few


def test_small_arrays_stand_in_the_formulas_of_both_passes():
    """What is written with the numbers in is what comes out when it is computed, and is read by NumPy."""
    rng = np.random.default_rng(0)
    x, w = (np.float32(rng.integers(-9, 9, size=shape) / 4) for shape in ((2, 2), (2, 1)))
    derivation = mp.explain(lambda x, w: mp.sum(mp.tanh(x @ w) ** 2), x, w)
    equations = [forward_equation(derivation["v1"]), *map(backward_equation, derivation.leaves)]
    for one in equations:  # x w, and the gradients of both
        *_, product, found = text(one).replace("−", "-").split(" = ")
        a, b = (np.atleast_2d(json.loads(part.rstrip("ᵀ"))) for part in re.split(r"(?<=[\]ᵀ]) (?=\[)", product))
        computed = (a.T if "ᵀ [" in product else a) @ (b.T if product.endswith("ᵀ") else b)
        assert np.allclose(computed, np.atleast_2d(json.loads(found)), rtol=1e-4)


def test_an_array_without_elements_has_no_numbers():
    lines = mp.explain(mp.sum, np.ones((0, 3))).text().splitlines()
    assert any(line.startswith("  loss = Σ x = 0 : f64[]") for line in lines)
    assert "  ∂loss/∂x = ∂loss/∂loss : f64[0,3]" in lines


def test_indices_keep_their_names():
    shown = mp.explain(lambda z: nn.cross_entropy(z, np.asarray([0, 2])), np.ones((2, 3))).text()
    (taken,) = re.findall(r"  (v\d+) = v\d+\[\w+\]", shown)
    assert f"∂loss/∂{taken} = " in shown
    assert not re.search(r"Σ\[\d", shown)


def test_long_equations_have_a_side_per_line():
    shown = mp.explain(lambda x: mp.sum(mp.sin(x)), np.pi * np.ones((3, 3), np.float32)).text()
    assert max(map(len, shown.splitlines())) < 150
    assert "  v1 = sin x : f32[3,3]" in shown
    assert "\n      = sin [[3.14159" in shown


# ── LaTeX and Mermaid ────────────────────────────────────────────────────────────────────────────


def test_latex_has_an_equation_per_node():
    derivation = small()
    shown = derivation.latex()
    assert shown.count(r"\begin{align*}") == shown.count(r"\end{align*}") == 2
    steps = spoken_of(derivation.steps)
    with_gradient = [one for one in (*derivation.leaves, *steps) if one.cotangent is not None]
    assert shown.count(" &= ") == len(steps) + len(with_gradient)
    assert r"\frac{\partial \mathrm{loss}}{\partial x} &= " in shown


def test_mermaid_names_every_node_and_arrow_and_nothing_else():
    derivation = small()
    lines = derivation.mermaid().splitlines()
    assert lines[0] == "flowchart TD"
    boxes = [
        re.fullmatch(r'  n(\d+)(\(\[|\[|\[\[|\{\{)"[^"\[\]{}()|<>]*(<br/>[^"\[\]{}()|<>]*)*"\S+', s) for s in lines
    ]
    arrows = [re.fullmatch(r"  n(\d+) --> n(\d+)", line) for line in lines]
    assert sum(map(bool, boxes)) == len(derivation.leaves) + len(spoken_of(derivation.steps))
    assert sum(map(bool, boxes)) + sum(map(bool, arrows)) == len(lines) - 1


# ── where boxes stand ────────────────────────────────────────────────────────────────────────────

graphs = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(10, 200), min_size=n, max_size=n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda a: a[0] < a[1]), max_size=30),
    )
)


@given(graphs)
@settings(deadline=None)
def test_arrows_point_down_and_boxes_do_not_touch(graph):
    widths, arrows = graph
    x, layer = places(widths, arrows, gap=7.0)
    assert all(layer[start] < layer[end] for start, end in arrows)
    for a, b in combinations(range(len(widths)), 2):
        if layer[a] == layer[b]:
            assert abs(x[a] - x[b]) >= (widths[a] + widths[b]) / 2 + 7.0 - 0.2


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


class Page(HTMLParser):
    """Every element with its attributes; fails where tags are not closed as they were opened."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("make", [small, deep, lambda: small("zh")])
def test_the_page_is_complete_and_loads_nothing(make):
    derivation = make()
    text = derivation.html()
    page = Page(text)
    boxes = [given for tag, given in page.elements if tag == "a" and "box" in given.get("class", "")]
    panels = [given for tag, given in page.elements if tag == "article"]
    assert len(boxes) == len(panels) > 10
    assert [given["role"] for tag, given in page.elements if tag == "svg"] == ["group"]  # "img" would hide its parts
    assert [box["href"] for box in boxes] == [f"#step-{n}" for n in range(len(boxes))]
    assert all(box["aria-label"] for box in boxes)
    assert all(given["aria-label"] for _, given in page.elements if given.get("tabindex"))
    assert not any(name in given for _, given in page.elements for name in ("src", "srcset", "xlink:href"))
    assert all(given["href"].startswith("#") for _, given in page.elements if "href" in given)
    assert "http" not in re.sub(r"http-equiv", "", text)
    (policy,) = [given["content"] for _, given in page.elements if given.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    links = {given["href"][1:] for tag, given in page.elements if tag == "a"}
    assert links <= {given["id"] for given in panels}
    for found in re.findall(r"<math.*?</math>", text, re.DOTALL):
        ET.fromstring(found)


def test_the_page_writes_the_chain_of_derivatives_below_each_node():
    """Its products add up to the gradient, in the numbers as in the symbols."""

    def f(w, x, y):
        p = w * x
        d = p - y
        return d**2 * mp.sin(p)

    derivation = mp.explain(f, 1.5, 2.0, 1.0)
    one = derivation["w"]
    symbols, numbers, value = map(text, chain_formulas(one))
    v2, v1 = derivation["v2"].name, derivation["v1"].name
    assert set(symbols.split(" + ")) == {f"∂loss/∂{v1}·∂{v1}/∂d·∂d/∂p·∂p/∂w", f"∂loss/∂{v2}·∂{v2}/∂p·∂p/∂w"}
    terms = [[float(n.strip("()").replace("−", "-")) for n in term.split("·")] for term in numbers.split(" + ")]
    assert sum(map(np.prod, terms)) == pytest.approx(float(one.cotangent), rel=1e-5)
    assert float(value.replace("−", "-")) == pytest.approx(float(one.cotangent), rel=1e-5)
    page = derivation.html()
    assert page.count("chain of derivatives from the loss") == sum(
        bool(chain_formulas(step)) for step in (*derivation.leaves, *derivation.steps)
    ) > 3  # fmt: skip


def test_ways_that_are_too_many_are_not_written_out():
    def f(s):
        for _ in range(30):
            s = s * s + s
        return s

    derivation = mp.explain(f, 0.01)
    assert chain_formulas(derivation["s"]) == []
    assert chain_formulas(derivation.loss) == []


def test_a_folded_group_unfolds_in_the_page():
    derivation = mp.explain(mean_square, nn.Sequential(*[nn.Linear(20, 20, rng=n) for n in range(4)]), np.ones((1, 20)))
    page = derivation.html()
    assert len(derivation.steps) < 20
    for step in spoken_of(derivation.steps):
        if step.origin.layer:
            assert f"<summary><strong>{step.name}</strong>" in page
    assert "<details>" not in derivation.html(unfold=True)


def test_nets_of_many_numbers_are_folded_and_long_matrices_cut():
    net = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    derivation = mp.explain(mean_square, net, np.ones((1, 64), np.float32))
    assert "folded by layer" in derivation.text()
    whole = derivation.text(unfold=True).splitlines()
    assert any("…" in line for line in whole)
    assert max(len(re.findall(r"\d\.\d*", line)) for line in whole) <= 12
    assert any(line.startswith("  ∂loss/∂x = ") and line.endswith(" : f32[1,64]") for line in whole)
    assert "  layers.0 = " in derivation.text(unfold="layers.0")
    assert "folded by layer" not in small().text()


def test_the_page_opens_at_the_first_step():
    page = small().html()
    assert re.search(r"Number\(asked\[1\]\) : 0\);", page)


def test_what_is_inside_of_a_loop_is_shown_step_by_step():
    def f(w, xs):
        end, _ = mp.scan(lambda carry, x: (mp.tanh(carry * w + x), carry), 0.0, xs)
        return end

    text = mp.explain(f, array(0.5), array([1.0, 2.0, 3.0])).html()
    Page(text)
    inside = text.partition("inside of v2: a loop of 3 steps")[2]
    assert "from step t+1" in inside
    assert "backpropagation through time" in inside
    assert [row.split("</td>")[0] for row in inside.split("<tr><td>")[1:7]] == ["0", "1", "2", "2", "1", "0"]


def test_what_textbooks_leave_open_is_said():
    text = mp.explain(lambda x: mp.maximum(x, 1.0), 1.0).html()
    assert "Convention: where x = y each gets half of the gradient" in text


def test_what_a_name_holds_is_shown_and_not_run():
    def f(x):
        return mp.sum(x["<script>alert(1)</script>"] ** 2)

    f.__name__ = "</script><script>alert(2)</script>"
    text = mp.explain(f, {"<script>alert(1)</script>": np.ones(2)}).html()
    assert text.count("<script>") == 1
    assert "alert(2)&lt;/script" in text


def test_a_notebook_gets_every_form():
    bundle = small()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "text/latex", "text/vnd.mermaid"}
    assert bundle["text/html"].startswith("<iframe srcdoc=")
