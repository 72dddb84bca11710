"""`mp.audit`: right gradients are left in peace, wrong ones are found, and the cause and the line are named."""

import cProfile
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet.cli.audit import audit as command
from maplet.errors import GradientError, SettingError, ShapeError
from maplet.health.audit import Cause, Subject
from maplet.health.audit.preparing import prepared

sys.path.insert(0, str(Path(__file__).parent / "faults" / "gradients"))
import runner

programs = [path for group in runner.GROUPS for path in sorted((runner.HERE / group).glob("*.py"))]


# ── the suite ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", programs, ids=lambda path: path.stem)
def test_a_right_program_is_not_accused(path):
    assert runner.audited(next(runner.cases(path.parent.name, path.stem)))


@pytest.mark.parametrize("path", programs[::6], ids=lambda path: path.stem)  # all of them are in the slow test
def test_the_first_fault_of_a_program_is_named(path):
    _, faulty, *_ = runner.cases(path.parent.name, path.stem)
    report = runner.audited(faulty)
    assert not report
    assert {str(cause) for cause in report.causes} == faulty.causes, report


@pytest.mark.slow
@pytest.mark.parametrize("group", runner.GROUPS)
def test_the_whole_suite(group):
    scores = [runner.score(case) for case in runner.cases(group)]
    assert not [s.error for s in scores if s.error]
    assert all(s.found == bool(s.case.causes) for s in scores)
    wrong = [s for s in scores if s.case.causes]
    assert sum(s.named for s in wrong) >= 0.95 * len(wrong)


def test_the_suite_is_as_large_as_it_says():
    every = [case for group in runner.GROUPS for case in runner.cases(group)]
    assert sum(not case.causes for case in every) >= 30
    assert sum(bool(case.causes) for case in every) >= 120
    assert {name for case in every for name in case.causes} | {"unknown"} == set(map(str, Cause))


pages = {  # file → what stands above the table of a group, the cell of a cause, the option
    "audit.md": ("Programs in `{}`", "| {} |", "en"),
    "audit.zh.md": ("\n`{}` 中的程序", " `{}` |", "zh"),
}


def text_of(page):
    return (Path(__file__).parents[1] / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", pages)
def test_the_page_shows_what_was_measured(page):
    title, cell, _ = pages[page]
    for group in runner.GROUPS:
        table = text_of(page).partition(title.format(group))[2].partition("```")[0]
        every = list(runner.cases(group))
        for cause in Cause:
            planted = sum(str(cause) in case.causes for case in every)
            assert f"{cell.format(cause)} {planted} |" in table or not planted, f"of {group} out of date: {cause}"


def test_both_pages_show_the_same_numbers():
    def cells(page):
        rows = [line.strip("|").split("|")[1:] for line in text_of(page).splitlines() if line.startswith("|")]
        return [[re.findall(r"\d[\d.]*", cell) for cell in row] for row in rows]

    assert cells("audit.md") == cells("audit.zh.md")


net = """import numpy as np


def forward(x, y, W, b, v):
    z = x @ W + b
    a = np.tanh(z)
    p = 1 / (1 + np.exp(-(a @ v)))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss, a, p


def backward(x, y, v, a, p):
    # the gradients by name, from the loss on
    dz2 = (y - p) / len(y)
    dv = a.T @ dz2
    da = np.outer(dz2, v)
    dz = da * (1 - a)
    return {"W": x.T @ dz, "b": dz.sum(axis=0), "v": dv}


rng = np.random.default_rng(0)
x, y = rng.normal(size=(6, 3)), (rng.random(6) < 0.5) * 1.0
W, b, v = rng.normal(size=(3, 4)), np.zeros(4), rng.normal(size=4)
"""


@pytest.mark.parametrize("page", pages)
def test_the_page_shows_what_the_command_prints(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(net, encoding="utf-8")
    call, *shown = text_of(page).split("```")[1].strip().splitlines()
    language = pages[page][2]
    assert language == "en" or call.endswith(f" --language {language}")
    printed = CliRunner().invoke(command, call.split()[3:]).output.splitlines()
    # the last digit of an error that is rounding differs from machine to machine
    printed, shown = ([re.sub(r"\d+e-\d+", "·", line) for line in lines] for lines in (printed, shown))
    assert not [line for line in shown if line not in printed and line != "  …"], "\n".join(printed)


# ── a pair to try things on ──────────────────────────────────────────────────────────────────────


def forward(x, y, w):
    return np.mean((x @ w - y) ** 2)


def backward(x, y, w):
    return {"w": 2 * x.T @ (x @ w - y) / len(x)}


@pytest.fixture
def args():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3)


def test_a_fault_is_shown_with_line_evidence_and_entries(args):
    def wrong(x, y, w):
        return {"w": 2 * x.T @ (y - x @ w) / len(x)}

    report = mp.audit(forward, wrong, *args)
    (finding,) = report.findings
    assert finding.cause is Cause.SIGN
    assert finding.line == inspect.getsourcelines(wrong)[1] + 1
    assert "2 * x.T @ (y - x @ w)" in finding.where
    assert "2 other random inputs" in finding.evidence
    assert report["w"].judgement == "wrong"
    first = report["w"].differences[0]
    assert first.given == pytest.approx(-first.right)
    assert "the sign is flipped" in str(report)


def test_a_report_is_written_in_chinese(args):
    report = mp.audit(forward, lambda x, y, w: {"w": 2 * x.T @ (x @ w - y)}, *args, language="zh")
    assert "缺少 1/N（N = 5，x 的行数）" in str(report)


def test_shapes_that_broadcast_are_said_in_chinese(args):
    def of_columns(x, y, w):
        return np.mean((x @ w - y[:, None]) ** 2)

    def wrong(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y).sum(1, keepdims=True) / len(x)}

    x, y, w = args
    report = mp.audit(of_columns, wrong, x, y, w[:, None], language="zh")
    assert "形状 (5, 1) 与 (5,) 的两个数组广播成了方阵" in str(report)


def test_rounding_in_float32_is_no_fault():
    rng = np.random.default_rng(1)
    x, y, w = (rng.normal(size=shape).astype(np.float32) for shape in ((400, 3), 400, 3))

    def far(x, y, w):
        return np.mean((x @ w - y + np.float32(3000)) ** 2)

    def far_back(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y + np.float32(3000)) / len(x)}

    report = mp.audit(far, far_back, x, y, w, tolerance=1e-7)
    assert report
    assert report["w"].judgement == "noise"
    assert "float32" in str(report)


def test_what_has_no_known_cause_is_said_to_have_none(args):
    report = mp.audit(forward, lambda x, w: {"w": np.sin(w) * x.sum(axis=0)}, *args)
    assert not report
    assert report.causes == {Cause.UNKNOWN}
    assert "here the error begins" in str(report)


def test_several_faults_are_found_together(args):
    def net(x, t, V, w):
        h = np.tanh(x @ V)
        return np.mean((h @ w - t) ** 2)

    def back(x, t, V, w):
        h = np.tanh(x @ V)
        d = (h @ w - t) / len(x)
        return {"V": x.T @ (np.outer(d, w) * (1 - h)), "w": h.T @ d}

    x, t, w = args
    report = mp.audit(net, back, x, t, np.random.default_rng(0).normal(size=(3, 3)), w)
    assert report.causes == {Cause.FACTOR, Cause.WRONG_DERIVATIVE}
    assert [f.cause for f in report["w"].findings] == [Cause.FACTOR]


# ── what programs do ─────────────────────────────────────────────────────────────────────────────


def test_a_profiler_may_be_at_work(args):
    before = sys.getprofile()
    with cProfile.Profile() as profiler:
        assert mp.audit(forward, backward, *args)
    assert sys.getprofile() is before
    assert any(row.code is getattr(mp.audit, "__wrapped__", mp.audit).__code__ for row in profiler.getstats())


def test_the_other_inputs_take_the_same_branches(args):
    x, _, w = args
    kinds = np.array([0, 1, 1, 0, 2])

    def branching(x, kinds, w):
        return sum(np.sum(x[n] * w) ** 2 if kind else np.sum(np.exp(x[n] * w)) for n, kind in enumerate(kinds))

    def back(x, kinds, w):
        d = np.zeros_like(w)
        for n, kind in enumerate(kinds):
            if kind:
                d += np.sum(x[n] * w) * x[n]  # a factor 2 is missing
            else:
                d += np.exp(x[n] * w) * x[n]
        return {"w": d}

    report = mp.audit(branching, back, x, kinds, w)
    assert report.causes == {Cause.FACTOR}
    assert "2 other random inputs" in report.findings[0].evidence


def test_the_other_inputs_have_a_finite_loss():
    x, y = np.array([0.5, 9.0, 34.0]), np.array([1.0, 1.0, 1.0])

    def far(x, y, w):
        p = 1 / (1 + np.exp(-x * w))
        return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))  # 1 - p is 0 where x * w is large

    def back(x, y, w):
        return {"w": np.sum((1 / (1 + np.exp(-x * w)) - y) * x)}

    for seed in range(5):
        subject = Subject(far, back, (x, y, np.array(1.0)))
        benches, beside, _ = prepared(subject, 1e-5, np.random.default_rng(seed))
        assert all(np.isfinite(bench.run.value(bench.run.loss)) for bench in (*benches, beside))


def test_the_users_arrays_and_names_are_as_before(args):
    def greedy(x, y, w):
        w -= 1.0
        return np.mean((x @ w - y) ** 2)

    def greedy_back(x, y, w):
        w -= 1.0
        y *= 1.0
        return {"w": 2 * x.T @ (x @ w - y) / len(x)}

    before, names = [a.copy() for a in args], dict(globals())
    mp.audit(greedy, greedy_back, *args)
    assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True))
    assert globals() == names
    assert globals()["np"] is np


def test_what_cannot_be_recorded_is_compared_with_central_differences(args):
    def through_lists(x, y, w):
        return float(
            sum(
                (sum(a * b for a, b in zip(row.tolist(), w.tolist(), strict=True)) - t) ** 2
                for row, t in zip(x, y.tolist(), strict=True)
            )
        ) / len(y)

    report = mp.audit(through_lists, backward, *args)
    assert report
    assert "central differences" in str(report)
    report = mp.audit(through_lists, lambda x, y, w: {"w": -2 * x.T @ (x @ w - y)}, *args)
    assert report.causes == {Cause.SIGN, Cause.MISSING_MEAN}


def test_functions_of_maplet(args):
    def its_forward(x, y, w):
        return mp.mean((x @ w - y) ** 2)

    for dtype in (mp.float64, mp.float32):
        given = [mp.asarray(a, dtype=dtype) for a in args]
        assert mp.audit(its_forward, backward, *given)
        report = mp.audit(its_forward, lambda x, y, w: {"w": 2 * x.T @ (x @ w - y)}, *given)
        assert report.causes == {Cause.MISSING_MEAN}
        assert "central differences" not in str(report)


def test_functions_that_numpy_does_not_have_are_compared_with_central_differences(args):
    given = [mp.asarray(a, dtype=mp.float64) for a in args]

    def its_forward(x, y, w):
        return mp.mean(mp.erf(x @ w) * y)

    def its_backward(x, y, w):
        return {"w": x.T @ (y * mp.exp(-((x @ w) ** 2))) * 2 / np.pi**0.5 / len(x)}

    assert mp.audit(its_forward, its_backward, *given)
    report = mp.audit(its_forward, lambda x, y, w: {"w": -its_backward(x, y, w)["w"]}, *given)
    assert report.causes == {Cause.SIGN}
    assert "its arrays are not NumPy's" in str(report)


def test_functions_of_torch(args):
    torch = pytest.importorskip("torch")

    def its_forward(x, y, w):
        return torch.nn.functional.mse_loss(torch.mv(x, w), y)

    given = [torch.tensor(a) for a in args]
    assert mp.audit(its_forward, lambda x, y, w: {"w": 2 * torch.mv(x.T, torch.mv(x, w) - y) / 5}, *given)
    report = mp.audit(its_forward, lambda x, y, w: {"w": 2 * torch.mv(x.T, y - torch.mv(x, w)) / 5}, *given)
    assert report.causes == {Cause.SIGN}
    assert torch.__name__ == "torch"  # the name is as before


tensors = """\
def forward(x, t, w, u, b):
    z = x.mm(w) + b.view(1, -1)
    h = z.clamp(min=0)
    s = torch.sigmoid(h.matmul(u)).unsqueeze(1)
    p = torch.softmax(torch.cat([h * s, h], dim=1), dim=-1)
    return -(t * p.log()).sum(dim=1).mean()


def backward(x, t, w, u, b):
    n, k = h_shape = x.size(0), w.shape[1]
    z = x.mm(w) + b.view(1, -1)
    h = z.clamp(min=0)
    s = torch.sigmoid(h.matmul(u)).unsqueeze(1)
    p = torch.softmax(torch.cat([h * s, h], dim=1), dim=-1)
    d = (p - t) / n
    left, right = d[:, :k], d[:, k:]
    ds = (left * h).sum(dim=1, keepdim=True) * s * (1 - s)
    dh = left * s + right + ds * u
    dz = dh * (z > 0).double()
    assert tuple(dz.shape) == h_shape and dz.numel() == n * k and dz.dim() == 2
    return {"w": x.t() @ dz, "u": h.t().mv(ds.squeeze(1)), "b": dz.sum(0)}
"""
of_tensors = {
    " * (z > 0).double()": ("", Cause.MISSING_DERIVATIVE),
    " + ds * u": ("", Cause.MISSING_PATH),
    " * s * (1 - s)": ("", Cause.MISSING_DERIVATIVE),
    "(p - t) / n": ("p - t", Cause.MISSING_MEAN),
    "dz.sum(0)": ("dz.mean(0)", Cause.EXTRA_MEAN),
}


@pytest.mark.parametrize("line", ["", *of_tensors])
def test_methods_of_tensors(line, tmp_path):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    targets = np.eye(8)[rng.integers(0, 8, 6)]
    given = [rng.normal(size=(6, 3)), targets, rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=4)]
    wrong, *causes = of_tensors.get(line, ("",))
    text = "import torch\n\n\n" + (tensors.replace(line, wrong) if line else tensors)
    program = runner.loaded(tmp_path / "tensors.py", text)
    report = mp.audit(program.forward, program.backward, *map(torch.tensor, given))
    assert report.causes == set(causes), report
    assert bool(report) is not bool(causes)
    assert "central differences" not in str(report)


classes = """\
import torch
import torch.nn.functional as F


def forward(x, t, w, b):
    return F.cross_entropy(x @ w + b, t.long())


def forward_by_hand(x, t, w, b):
    q = F.log_softmax(x @ w + b, dim=-1)
    return -q[torch.arange(len(t)), t].mean()


def backward(x, t, w, b):
    d = (F.softmax(x @ w + b, dim=1) - F.one_hot(t, num_classes=4)) / x.shape[0]
    return {"w": x.T.mm(d), "b": d.sum(dim=0)}
"""


@pytest.mark.parametrize("name", ["forward", "forward_by_hand"])
def test_classes_in_torch(name, tmp_path):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    given = [rng.normal(size=(6, 3)), rng.integers(0, 4, 6), rng.normal(size=(3, 4)), rng.normal(size=4)]
    for line, wrong, *causes in (
        ("", ""),
        (" / x.shape[0]", "", Cause.MISSING_MEAN),
        ("F.one_hot(t, num_classes=4)", "t[:, None]", Cause.WRONG_TARGET),
    ):
        program = runner.loaded(tmp_path / "classes.py", classes.replace(line, wrong) if line else classes)
        report = mp.audit(vars(program)[name], program.backward, *map(torch.tensor, given))
        assert report.causes == set(causes), report
        assert "central differences" not in str(report)


@pytest.mark.parametrize("slope", [np.greater, np.greater_equal])
def test_at_a_kink_either_side_is_right(slope):
    def net(x, t, W, b, v):
        return np.mean((np.maximum(x @ W + b, 0) @ v - t) ** 2)

    def back(x, t, W, b, v):
        z = x @ W + b
        h = np.maximum(z, 0)
        d = 2 * (h @ v - t) / len(t)
        dz = np.outer(d, v) * slope(z, 0)
        return {"W": x.T @ dz, "b": dz.sum(0), "v": h.T @ d}

    rng = np.random.default_rng(0)
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    given = x, np.array([1.0, 0.0, 0.0, 1.0]), rng.normal(size=(2, 3)), np.zeros(3), rng.normal(size=3)
    assert mp.audit(net, back, *given)


def test_a_small_number_in_a_logarithm_may_be_left_out():
    def net(X, y, W):
        e = np.exp(X @ W)
        p = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(y)), y] + 1e-8)), p

    def back(X, y, p):
        d = p.copy()
        d[np.arange(len(y)), y] -= 1
        return {"W": X.T @ d / len(y)}

    rng = np.random.default_rng(0)
    given = 3 * rng.normal(size=(20, 5)), rng.integers(0, 4, 20), rng.normal(size=(5, 4))
    assert "but for the small number" in str(mp.audit(net, back, *given))
    assert mp.audit(net, lambda X, y, p: {"W": -back(X, y, p)["W"]}, *given).causes == {Cause.SIGN}


def test_an_intermediate_among_the_gradients_is_not_judged(args):
    def with_more(x, y, w):
        dz = 2 * (x @ w - y) / len(x)
        dw = x.T @ dz
        return dw, dz

    report = mp.audit(forward, with_more, *args)
    assert report
    assert [verdict.name for verdict in report.verdicts] == ["w"]
    assert "what else backward returns (dz) belongs to no argument (x, y, w)" in str(report)


def test_gradients_may_be_named_by_the_user(args):
    assert mp.audit(forward, lambda *a: [2 * a[0].T @ (a[0] @ a[2] - a[1]) / 5], *args, wrt=["w"])


def test_a_loss_may_stand_apart(args):
    def predict(x, w):
        return x @ w

    def squared(prediction, y):
        return np.mean((prediction - y) ** 2)

    x, y, w = args
    assert mp.audit(predict, lambda x, w: {"w": 2 * x.T @ (x @ w - y) / 5}, x, w, loss=lambda p: squared(p, y))


def test_other_inputs_keep_what_a_derivation_relies_on():
    def energy(K, a, soft, b):
        logits = b - np.log(np.sum(np.exp(b)))
        return 0.5 * a @ K @ a - np.sum(soft * logits)

    def energy_back(K, a, soft, b):  # right for a symmetric K, and for probabilities that add up to 1
        return {"a": K @ a, "b": np.exp(b) / np.sum(np.exp(b)) - soft}

    rng = np.random.default_rng(0)
    half, soft = rng.normal(size=(4, 4)), rng.random(3)
    given = half + half.T, rng.normal(size=4), soft / np.sum(soft), rng.normal(size=3)
    assert mp.audit(energy, energy_back, *given)


def test_what_forward_returns_without_a_name_is_given_by_place(args):
    def net(x, y, w):
        h = np.tanh(x)
        return np.mean((h @ w - y) ** 2), h, h @ w - y

    def back(h, R):
        return {"w": 2 * h.T @ R / len(h)}

    assert mp.audit(net, back, *args)


def test_lists_of_numbers_are_taken_for_arrays(args):
    lists = [a.tolist() for a in args]

    def back(x, y, w):
        slope = [0.0] * len(w)
        for row, t in zip(x, y):  # noqa: B905  (as people write it)
            error = sum(a * b for a, b in zip(row, w)) - t  # noqa: B905
            for j in range(len(w)):
                slope[j] += 2 * error * row[j] / len(y)
        return {"w": slope}

    def ahead(x, y, w):
        return sum((sum(a * b for a, b in zip(row, w)) - t) ** 2 for row, t in zip(x, y)) / len(y)  # noqa: B905

    assert mp.audit(ahead, back, *lists)
    report = mp.audit(ahead, lambda x, y, w: {"w": [-d for d in back(x, y, w)["w"]]}, *lists)
    assert report.causes == {Cause.SIGN}


def test_none_in_the_place_of_a_gradient_is_told(args):
    for back, wrt in (
        (lambda x, y, w: {"w": backward(x, y, w)["w"], "y": None}, None),
        (lambda x, y, w: (None, backward(x, y, w)["w"]), ["y", "w"]),
    ):
        report = mp.audit(forward, back, *args, wrt=wrt)
        assert report
        assert [verdict.name for verdict in report.verdicts] == ["w"]
        assert "backward gives None for y, which was not judged" in str(report)


def test_what_an_object_held_before_is_no_gradient(args):
    class Net:
        def __init__(self, w):
            self.weights = w
            self.g = {}

        def loss(self, docs, good):
            self.docs, self.good = docs, good
            return np.mean((docs @ self.weights - good) ** 2)

        def backward(self):
            self.g["weights"] = 2 * self.docs.T @ (self.docs @ self.weights - self.good) / len(self.good)

    x, y, w = args
    net = Net(w)
    report = mp.audit(net.loss, net.backward, x, y)
    assert report
    assert [verdict.name for verdict in report.verdicts] == ["weights"]


def test_results_that_are_written_by_out_are_recorded(args):
    def cut(x, y, w):
        slope = backward(x, y, w)["w"]
        np.clip(slope, -0.01, 0.01, out=slope)
        return {"w": slope}

    assert mp.audit(forward, cut, *args).causes == {Cause.CLIPPED}


@pytest.mark.parametrize(
    "of",
    [
        lambda w: np.sum(np.zeros_like(w) + w**2),
        lambda w: sum(np.sum(part) ** 2 for part in np.split(w, [1, 2], axis=1)),
        lambda w: np.sum(np.diff(np.column_stack((w[0], np.tril(w))), axis=0) ** 2),
        lambda w: np.average(w**2, weights=np.ones((3, 3))) + np.sum(np.select([w > 1, w > 0], [w**2, w**3], 0.0)),
        lambda w: np.linalg.det(w @ w.T + np.eye(3)) + np.sum(np.logaddexp.reduce(w, axis=1)),
        lambda w: np.sum(np.abs(np.fft.fft(w)) ** 2),  # complex on the way: by central differences
    ],
)
def test_gradients_agree_with_central_differences(of):
    w = np.random.default_rng(0).normal(size=(3, 3))
    right = np.zeros((3, 3))
    for index in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[index] = 1e-6
        right[index] = (of(w + step) - of(w - step)) / 2e-6
    expected = prepared(Subject(of, lambda w: {"w": w}, (w,)), 1e-5, np.random.default_rng(0))[0][0].expected["w"]
    np.testing.assert_allclose(expected, right, rtol=1e-6, atol=1e-6)


def test_two_faults_on_the_way_of_one_gradient_are_both_named(args):
    def ridge(x, y, w):
        return np.mean((x @ w - y) ** 2) + 0.3 * np.sum(w[1:] ** 2)

    def wrong(x, y, w):
        slope = 2 * x.T @ (x @ w - y)
        slope[1:] = slope[1:] - 0.6 * w[1:]
        return {"w": slope}

    assert mp.audit(ridge, wrong, *args).causes == {Cause.MISSING_MEAN, Cause.SIGN}


# ── what is wrong with a call ────────────────────────────────────────────────────────────────────


def test_functions_that_draw_are_not_audited(args):
    rng = np.random.default_rng()
    with pytest.raises(GradientError, match=r"not deterministic: the loss is .* in one call and .* in the next"):
        mp.audit(lambda x, y, w: forward(x, y, w) + rng.normal(), backward, *args)
    with pytest.raises(GradientError, match="not deterministic: the gradient of w"):
        mp.audit(forward, lambda w: {"w": w + rng.normal()}, *args)


@pytest.mark.parametrize(
    ("f", "b", "error", "message"),
    [
        (lambda x, y, w: x @ w - y, backward, ShapeError, r"shape \(5,\); a gradient is that of one number"),
        (lambda *_: None, backward, GradientError, "gives no loss: NoneType"),
        (lambda *_: {}["a"], backward, GradientError, "raises KeyError"),
        (forward, lambda x: x @ x, GradientError, "raises ValueError"),
        (forward, lambda *_: None, GradientError, "which gradients the backward function gives is not clear"),
        (forward, lambda other, more: other + more, GradientError, "wants other, more"),
        (forward, lambda state: state, GradientError, "wants state"),
        (forward, lambda w: {"slope": w[:2]}, GradientError, "by the names slope, which belong to no argument"),
        (lambda x, y, w: forward(x, y, np.log(w)), backward, GradientError, "the loss is nan, which begins with log"),
        (lambda x, y, w: forward(x, y, w) + np.nan * w[0], backward, GradientError, "the loss is nan"),
    ],
)  # fmt: skip
def test_bad_functions_are_told_apart(f, b, error, message, args):
    with pytest.raises(error, match=message):
        mp.audit(f, b, *args)


def test_complex_arguments_are_refused(args):
    with pytest.raises(GradientError, match=r"x is complex \(complex128\)"):
        mp.audit(forward, backward, args[0] + 1j, *args[1:])


def test_bad_options_are_refused(args):
    with pytest.raises(SettingError, match="language='fr'"):
        mp.audit(forward, backward, *args, language="fr")
    with pytest.raises(GradientError, match="there is no input v"):
        mp.audit(forward, backward, *args, wrt=["v"])


class Net:
    """A net whose pre-activation and gradients are attributes."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W1, self.b1, self.W2 = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(5, 2))

    def forward(self, x, y):
        self.x, self.y = x, y
        self.z = x @ self.W1 + self.b1
        self.a = np.maximum(0, self.z)
        self.o = self.a @ self.W2
        return 0.5 * np.mean(np.sum((self.o - y) ** 2, axis=1))

    def backward(self):
        d = (self.o - self.y) / len(self.x)
        self.dW2 = self.a.T @ d
        dz = d @ self.W2.T * (self.z > 0)
        self.dW1, self.db1 = self.x.T @ dz, dz.sum(0)


sentences = {  # what stands in the backward pass, what is put there, and what is said of it
    "∂a/∂z is left out": (" * (self.z > 0)", ""),
    "W2 is used after it was updated": ("dz =", "self.W2 -= 0.1 * self.dW2; dz ="),
    "N = 7, the rows of dz": ("dz.sum(0)", "dz.mean(0)"),
    "to be multiplied by 10": ("self.x.T @ dz,", "0.1 * (self.x.T @ dz),"),
}


@pytest.mark.parametrize("said", sentences)
def test_values_and_numbers_are_called_what_they_are(said, tmp_path):
    before, after = sentences[said]
    text = "import numpy as np\n\n\n" + inspect.getsource(Net)
    assert text.count(before) == 1
    program = runner.loaded(tmp_path / "net.py", text.replace(before, after))
    net, rng = program.Net(), np.random.default_rng(0)
    report = mp.audit(net.forward, net.backward, rng.normal(size=(7, 3)), rng.normal(size=(7, 2)))
    assert len(report.findings) == 1
    assert said in report.findings[0].sentence, report


cut_off = {
    "dz = d @ self.W2.T * (self.z > 0)": "dz = np.zeros_like(self.z)",
    "d @ self.W2.T": "np.zeros((7, 5))",
    "dz.sum(0)": "np.zeros(5)",
    "self.x.T @ dz": "0 * (self.x.T @ dz)",
}


@pytest.mark.parametrize("line", cut_off)
def test_a_gradient_of_zeros_is_cut_off_where_they_stand(line, tmp_path):
    text = "import numpy as np\n\n\n" + inspect.getsource(Net)
    assert text.count(line) == 1
    program = runner.loaded(tmp_path / "net.py", text.replace(line, cut_off[line]))
    net, rng = program.Net(), np.random.default_rng(0)
    report = mp.audit(net.forward, net.backward, rng.normal(size=(7, 3)), rng.normal(size=(7, 2)))
    found = [(f.cause, f.line) for f in report.findings]
    assert found == [(Cause.CLIPPED, text[: text.index(line)].count("\n") + 1)], report


labels = """\
import numpy as np


def forward(x, t, w):
    p = np.exp(x @ w)
    p = p / p.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(t)), t]))


def backward(x, t, w):
    p = np.exp(x @ w)
    p = p / p.sum(axis=1, keepdims=True)
    d = p.copy()
    d[np.arange(len(t)), t] -= 1
    return {"w": x.T @ d / len(t)}
"""
wrong_labels = ["d[:, t] -= 1", "d[np.arange(len(t)), 0] -= 1", "d = p - t[:, None]", "d = p - t.reshape(-1, 1)"]


@pytest.mark.parametrize("classes", [3, 4])
@pytest.mark.parametrize("line", wrong_labels)
def test_labels_that_are_not_one_hot_are_named(line, classes, tmp_path):
    rng = np.random.default_rng(0)
    args = rng.normal(size=(7, 3)), rng.integers(0, classes, 7), rng.normal(size=(3, classes))
    for text in (labels, labels.replace("d[np.arange(len(t)), t] -= 1", line)):
        program = runner.loaded(tmp_path / "labels.py", text)
        report = mp.audit(program.forward, program.backward, *args)
        assert [(f.cause, f.line) for f in report.findings] == [(Cause.WRONG_TARGET, 14)] * (text != labels)


def test_of_what_is_right_by_chance_the_entries_of_other_numbers_are_shown(args):
    def penalised(x, y, w):
        return np.mean((x @ w - y) ** 2) + 0.1 * np.sum(w**2)

    def with_a_fault(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y) / len(x) + 0.1 * w}

    verdict = mp.audit(penalised, with_a_fault, *args[:2], np.zeros(3))["w"]
    assert (verdict.judgement, verdict.error > 1e-5) == ("wrong", True)
    assert all(abs(d.given - d.right) > 1e-5 for d in verdict.differences[:1])
    assert "on the given inputs it is right" in verdict.remark


def test_a_square_in_the_loss_is_told_whichever_way_the_gradient_goes():
    def forward(x, y, w):
        return np.mean((x @ w - y) ** 2)

    def of_the_square(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y).mean(axis=1, keepdims=True) / len(y)}

    def as_meant(x, y, w):
        return {"w": 2 * x.T @ (x @ w - y[:, None]) / len(y)}

    def as_meant_with_a_fault(x, y, w):
        return {"w": -2 * x.T @ (x @ w - y[:, None]) / len(y)}

    rng = np.random.default_rng(0)
    args = rng.normal(size=(6, 3)), rng.normal(size=6), rng.normal(size=(3, 1))
    line = inspect.getsourcelines(forward)[1] + 1
    for backward, judgement in ((of_the_square, "right"), (as_meant, "wrong"), (as_meant_with_a_fault, "wrong")):
        report = mp.audit(forward, backward, *args)
        assert not report
        assert report["w"].judgement == judgement
        assert [f.line for f in report.findings if f.cause is Cause.BROADCAST] == [line], report
    assert "all 1 gradients are right, but the loss itself is not" in str(mp.audit(forward, of_the_square, *args))
    assert mp.audit(forward, as_meant, *args).causes == {Cause.BROADCAST}


def test_a_square_that_is_meant_is_no_fault():
    def pairs(x, y, w):
        scores = x @ w
        return np.sum(np.maximum(0, 1 - (y[:, None] > y) * (scores[:, None] - scores)))

    def of_pairs(x, y, w):
        scores = x @ w
        late = ((y[:, None] > y) * (scores[:, None] - scores) < 1) & (y[:, None] > y)
        return {"w": x.T @ (late.sum(axis=0) - late.sum(axis=1))}

    def nearest(x, c):
        return np.sum(np.min((x - c) ** 2, axis=1))

    def of_nearest(x, c):
        near = np.argmin((x - c) ** 2, axis=1)
        return {"c": np.array([np.sum(2 * (c[k] - x[near == k, 0])) for k in range(len(c))])}

    rng = np.random.default_rng(0)
    assert mp.audit(pairs, of_pairs, rng.normal(size=(6, 3)), rng.normal(size=6), rng.normal(size=3))
    assert mp.audit(nearest, of_nearest, rng.normal(size=(5, 1)), rng.normal(size=5))


def test_a_right_gradient_of_another_shape_is_told():
    def forward(w):
        return np.sum(w**2)

    def backward(w):
        return {"w": (2 * w).ravel()}

    report = mp.audit(forward, backward, np.ones((3, 1)))
    assert "its shape is (3,), that of w is (3, 1)" in str(report)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_entries_may_be_taken_and_written_by_arrays_of_indices():
    rng = np.random.default_rng(3)
    table, rows, last, t = rng.normal(size=(5, 3)), np.array([0, 2, 2]), np.array([1, 0, 2]), rng.normal(size=3)

    def forward(table, rows, last, t):
        return np.sum((table[rows, last] - t) ** 2)

    def wrong(table, rows, last, t):
        d = np.zeros_like(table)
        d[rows, last] += table[rows, last] - t
        return {"table": d}

    def right(table, rows, last, t):
        return {"table": 2 * wrong(table, rows, last, t)["table"]}

    assert mp.audit(forward, right, table, rows, last, t)
    assert mp.audit(forward, wrong, table, rows, last, t).causes == {Cause.FACTOR}


# ── the command line ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "train.py"
        path.write_text(text)
        return path

    return write


pair = """\
import numpy as np

x, y, w = np.eye(3), np.ones(3), np.zeros(3)


def forward(x, y, w):
    return np.mean((x @ w - y) ** 2)


def backward(x, y, w):
    return {"w": 2 * x.T @ (x @ w - y)}
"""


def test_the_command_names_the_cause_and_has_a_status(file):
    path = file(pair)
    found = CliRunner().invoke(command, [f"{path}:forward", f"{path}:backward"])
    assert found.exit_code == 1
    assert "1/N is missing (N = 3, the rows of x)" in found.output
    assert "train.py:11" in found.output
    path.write_text(pair.replace("(x @ w - y)}", "(x @ w - y) / 3}"))
    types = [option for kind in ("f64[4,3]", "f64[4]", "f64[3]") for option in ("--arg", kind)]
    assert CliRunner().invoke(command, [f"{path}:forward", f"{path}:backward"]).exit_code == 0
    found = CliRunner().invoke(command, [f"{path}:forward", f"{path}:backward", *types, "--language", "zh"])
    assert found.exit_code == 1
    assert "系数不对" in found.output or "1/N" in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}:forward"], "which function gives the gradients"),
        (["{}:forward", "{}:backwards"], "has no backwards"),
        (["{}:forward", "{}:backward", "--arg", "z"], "has nothing that is called z"),
        (["{}:forward", "{}:backward", "--arg", "f64[x]"], "is no type of an array"),
        (["{}:x", "{}:backward"], "is ndarray, not a function"),
        (["nowhere.py:forward", "{}:backward"], "there is no file"),
    ],
)
def test_a_wrong_call_of_the_command(arguments, message, file):
    path = file(pair)
    found = CliRunner().invoke(command, [text.format(path) for text in arguments])
    assert isinstance(found.exception, SettingError)
    assert message in str(found.exception)
