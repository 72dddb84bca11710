"""What `docs/errata.md` says of five articles: their programs, audited as they stand there, and the right numbers."""

import json
import re
import types
from math import log
from pathlib import Path

import numpy as np
import pytest

import maplet as mp
from maplet.errors import GradientError
from maplet.health.audit import Cause, audit_script

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / name for name in ("errata.md", "errata.zh.md")]


@pytest.fixture
def blocks():
    """The Python programs of an article, by its number."""
    folder = ROOT.parent / "shared" / "articles"
    if not folder.exists():
        pytest.skip("needs the articles in ../shared/articles, which are not here")
    return lambda number: re.findall(
        r"```python\n(.*?)```", sorted(folder.glob("*.txt"))[number].read_text(encoding="utf-8"), re.DOTALL
    )


def module(text):
    found = types.ModuleType("article")
    exec(compile(text, "article.py", "exec"), vars(found))
    return found


def written(tmp_path, text):
    path = tmp_path / "article.py"
    path.write_text(text, encoding="utf-8")
    return path


# ── the programs ─────────────────────────────────────────────────────────────────────────────────


def test_the_logistic_regression_of_the_first_article_is_right(blocks):
    article = module(blocks(0)[0])

    def forward(x, y, weights, bias):
        a = article.forward_propagation(x, weights, bias)
        return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)), a

    rng = np.random.default_rng(0)
    x, y = np.array([[1.0, 2], [2, 4], [3, 6], [4, 8]]), np.array([[0.0], [0], [1], [1]])
    assert mp.audit(forward, article.backward_propagation, x, y, rng.normal(size=(2, 1)), rng.normal(size=1))


def test_the_program_of_the_second_article_is_no_python(blocks, tmp_path):
    (text,) = blocks(1)
    with pytest.raises(GradientError, match="SyntaxError"):
        audit_script(written(tmp_path, text))


@pytest.mark.slow
def test_the_gradients_of_the_second_article_are_wrong(blocks):
    (text,) = blocks(1)
    text = re.sub(r"(self\.sigmoid\(self\.z\d\)\.T\))\n", r"\1)\n", text)  # the brackets closed
    text = re.sub(r"\n\s+self\.[wb]\d -= .*", "", text)  # without its updates, whose shapes do not fit
    text = text.replace("x, y, target", "x, y").partition("# 设置超参数")[0]
    net = module(text).NeuralNetwork(2, 3, 1)
    x, y = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[1.0], [2], [3]])
    type(net).total = lambda self, x, y: np.sum((y - self.forward(x)) ** 2)
    report = mp.audit(net.total, net.backward, x, y)
    assert all(verdict.judgement == "wrong" for verdict in report.verdicts)
    assert Cause.NOT_SUMMED in report.causes


@pytest.mark.parametrize("number", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_the_net_of_the_third_article_has_right_gradients_of_another_loss(number, blocks, tmp_path):
    text = blocks(2)[number]
    with pytest.raises(GradientError, match="module 'numpy' has no attribute 'softmax'"):
        audit_script(written(tmp_path, text))
    article = module(text.partition("# 定义训练数据")[0].replace("np.softmax", "softmax"))

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    article.softmax = softmax
    kind = article.NeuralNetwork
    kind.its_loss = lambda self, X, y: np.mean(-np.log(self.forward_propagation(X)[np.argmax(y, axis=1)]))
    kind.cross_entropy = lambda self, X, y: -np.mean(np.sum(y * np.log(self.forward_propagation(X)), axis=1))
    net, x = kind(2, 3, 2), np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    wrt = ("W1", "b1", "W2", "b2")
    assert not mp.audit(net.its_loss, net.backward_propagation, x, np.array([[0.0, 1, 1, 0]]).T, wrt=wrt)
    assert mp.audit(net.cross_entropy, net.backward_propagation, x, np.eye(2)[[0, 1, 1, 0]], wrt=wrt)


def test_the_parabola_of_the_third_article_is_at_its_lowest_point_from_the_start(blocks):
    article = module(blocks(2)[1])
    assert article.x_opt == article.x0 == 1
    assert mp.audit(article.f, lambda x: 2 * x - 2, 3.0)


@pytest.mark.slow
def test_the_program_of_the_fourth_article_climbs(blocks, tmp_path):
    np.random.seed(0)  # noqa: NPY002  (the article draws from it)
    report = audit_script(written(tmp_path, blocks(3)[0]))
    assert report.causes == {Cause.SIGN, Cause.OUTPUT_DERIVATIVE_TWICE}
    assert all(verdict.judgement == "wrong" for verdict in report.verdicts)


def test_the_program_of_the_fifth_article_needs_what_is_no_longer_there(blocks, tmp_path):
    with pytest.raises(GradientError, match=r"ModuleNotFoundError|AttributeError"):
        audit_script(written(tmp_path, blocks(4)[0]))


# ── the numbers ──────────────────────────────────────────────────────────────────────────────────


def numbers_of_the_first_article():
    """The net 2-2-1 of sections 4.5.1 and 4.5.2, with both losses."""
    w, b = mp.asarray([[0.1, 0.4], [0.2, 0.5]], dtype=mp.float64), mp.asarray([0.5, 0.6], dtype=mp.float64)
    v, c = mp.asarray([0.7, 0.8], dtype=mp.float64), mp.asarray(0.9, dtype=mp.float64)
    x = mp.asarray([1.0, 2.0], dtype=mp.float64)

    def net(w, b, v, c):
        a = mp.sigmoid(x @ w + b)
        return a, mp.sum(a * v) + c

    a, z3 = net(w, b, v, c)
    found = [float(n) for n in (*a, z3, mp.sigmoid(z3))]
    for loss in (lambda p: (3 - p) ** 2, lambda p: -mp.log(p)):
        gradient = mp.grad(lambda w, b, v, c, loss=loss: loss(mp.sigmoid(net(w, b, v, c)[1])), argnums=(0, 1, 2, 3))
        dw, db, dv, dc = gradient(w, b, v, c)
        found += [float(n) for n in (dc, *db, v[0] - 0.01 * dv[0], v[1] - 0.01 * dv[1], c - 0.01 * dc)]
        assert dw[0].tolist() == pytest.approx(db.tolist())  # x₁ = 1
    return found


def numbers_of_the_second_article():
    """Section 4.3, the shapes mended: two hidden units, one output."""
    a = mp.sigmoid(mp.asarray([1.8, 1.8], dtype=mp.float64))
    w = mp.asarray([0.3, 0.4], dtype=mp.float64)
    output = mp.sigmoid(mp.sum(a * w) + 0.1)
    dw, db = mp.grad(lambda w, b: (1 - mp.sigmoid(mp.sum(a * w) + b)) ** 2, argnums=(0, 1))(
        w, mp.asarray(0.1, dtype=mp.float64)
    )
    return [float(n) for n in (a[0], mp.sum(a * w) + 0.1, output, (1 - output) ** 2, 2 * (output - 1), db, dw[0])]


def numbers_of_the_printed_result():
    """What the first article prints as the best parameters: the loss there and its gradient."""
    x = mp.asarray([[1.0, 2], [2, 4], [3, 6], [4, 8]], dtype=mp.float64)
    y = mp.asarray([0.0, 0, 1, 1], dtype=mp.float64)

    def loss(w, b):
        p = mp.sigmoid(x @ w + b)
        return -mp.mean(y * mp.log(p) + (1 - y) * mp.log(1 - p))

    at = mp.asarray([0.99607374, 0.99968777], dtype=mp.float64), mp.asarray(0.99882032, dtype=mp.float64)
    value, (dw, db) = mp.value_and_grad(loss, argnums=(0, 1))(*at)
    return [float(n) for n in (value, *dw, db)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_numbers_on_the_page_are_computed(page):
    text = page.read_text(encoding="utf-8").replace("−", "-")
    numbers = [
        *numbers_of_the_first_article(),
        *numbers_of_the_second_article(),
        *numbers_of_the_printed_result(),
        4 * log(2),
    ]
    missing = [f"{number:.4f}" for number in numbers if f"{number:.4f}" not in text]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_four_figures_of_the_two_two_two_example(page, shared):
    example = json.loads(shared("worked_examples/sigmoid_2_2_2.json").read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    for name, published in example["published_but_not_exact_backpropagation"]["values"].items():
        assert f"{published:.9g}" in text
        assert f"{example['recomputed_float64'][name]:.10g}" in text
