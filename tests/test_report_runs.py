"""`maplet report`: what it gathers from a run, in two languages, and from runs with which something is wrong."""

import csv
import json
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet import nn, optim
from maplet.bilingual import Bilingual, languages
from maplet.cli.main import cli
from maplet.data import Features, Table
from maplet.errors import CheckpointError, RunExistsError, SettingError
from maplet.train.explaining import derivation_of
from maplet.train.failed import load_failed
from maplet.train.report import report_html
from maplet.train.report.gathering import report_data, write_report
from maplet.train.report.words import Words
from maplet.train.report.worked import Worked
from maplet.train.run_directory import RunDirectory
from maplet.train.training import interrupted


def command(*arguments):
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A table, and a run each that tells classes and numbers."""
    folder = tmp_path_factory.mktemp("runs")
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as table:
        writer, rng = csv.writer(table), random.Random(0)
        writer.writerow(["a", "b", "kind"])
        for _ in range(90):
            a, b = rng.gauss(0, 1), rng.gauss(0, 1)
            writer.writerow([a, b, "yes" if a > b else "no"])
    common = ("--hidden", "3", "--epochs", "2", "--quiet", "--doctor")
    command("train", folder / "t.csv", "--target", "kind", *common, "-d", folder / "classes")
    command("train", folder / "t.csv", "--target", "a", *common, "-d", folder / "numbers")
    return folder


@pytest.fixture
def run(runs, tmp_path):
    """A copy of the run of classes and of its table, to be spoilt."""
    shutil.copytree(runs / "classes", tmp_path / "run")
    shutil.copy(runs / "t.csv", tmp_path / "t.csv")
    change(tmp_path / "run" / "job.json", source=str(tmp_path / "t.csv"))
    return tmp_path / "run"


def change(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


class Page(HTMLParser):
    """What a page says in its own language, and its elements; fails where tags are not closed as they were opened."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.said = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.elements.append((tag, given))
        foreign = given.get("lang") == "en" and tag != "html"
        if tag != "meta":
            self.open.append(
                (tag, foreign or tag in ("code", "pre", "style", "math") or (self.open and self.open[-1][1]))
            )
        if not self.open[-1][1]:
            self.said += [given[name] for name in ("aria-label", "title") if name in given]

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open or not self.open[-1][1]:
            self.said.append(data)


# ── what is there ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("language", languages)
def test_a_report_is_whole_and_every_link_leads_somewhere(runs, kind, language):
    text = report_html(report_data(runs / kind, language=language), language)
    page = Page(text)
    identifiers = [given["id"] for _, given in page.elements if "id" in given]
    assert len(identifiers) == len(set(identifiers))
    links = [given["href"] for _, given in page.elements if "href" in given]
    assert links
    assert {link[1:] for link in links} <= set(identifiers)
    assert all(given.get("aria-label") for _, given in page.elements if "tabindex" in given)
    assert not re.search(r"<script|<link|<iframe|<img|https?:|url\(|\son\w+=", text)
    for found in re.findall(r"<svg.*?</svg>|<math.*?</math>", text, re.DOTALL):
        ET.fromstring(found)


def test_training_and_the_command_write_the_same_report(runs):
    before = (runs / "classes" / "report.html").read_bytes()
    assert command("report", runs / "classes").strip() == str(runs / "classes" / "report.html")
    assert (runs / "classes" / "report.html").read_bytes() == before


def test_the_numbers_are_those_of_the_run(runs):
    data = report_data(runs / "classes", row=3)
    run, worked = mp.load(runs / "classes"), data["worked"]
    metrics = json.loads((runs / "classes" / "metrics.json").read_text())
    assert data["metrics"] == metrics
    assert np.trace(data["confusion"]["counts"]) / np.sum(data["confusion"]["counts"]) == metrics["network"]["accuracy"]
    assert np.array_equal(run.predict(worked.inputs[None]).numpy()[0], worked.outputs)
    assert worked.names == ["a", "b"]
    shares = np.exp(worked.outputs) / np.exp(worked.outputs).sum()
    loss = float(worked.derivation.loss.value)
    assert loss == pytest.approx(-np.log(shares[worked.labels.index(worked.answer)]), rel=1e-5)
    assert data["history"] == run.history
    assert (data["best_epoch"], data["watched"], data["findings"]) == (2, len(run.watched), [])
    assert data["manifest"]["seed"] == 0
    assert "versions" in report_html(data)
    assert worked.row == 3


def test_both_graphs_hold_every_layer_and_every_parameter(runs):
    text = report_html(report_data(runs / "classes"))
    net = mp.load(runs / "classes").net
    for graph in ("loss", "gradient"):
        assert f'id="{graph}-0"' in text
    for name in net.parameters():
        assert f"∂loss/∂{name} = " in text
    assert all(f"<strong>{layer}</strong>" in text for layer in ("layers.0", "layers.1", "layers.3", "loss"))


def test_numbers_are_told_in_their_own_unit(runs):
    data = report_data(runs / "numbers")
    worked = data["worked"]
    true = float(worked.answer)
    assert min(abs(true - value) for value in _column(runs / "t.csv", "a")) < 1e-4
    assert worked.labels == ["a", "a, standardised"]
    assert "mse" in report_html(data) or "rmse" in report_html(data)


def _column(path, name):
    with path.open(encoding="utf-8") as table:
        return [float(row[name]) for row in csv.DictReader(table)]


def told(verdict, advice, gap):
    """A report with a finding of the lint and a diagnosis, whose sentences are these."""
    found = {"code": "ML018", "message": verdict, "fix": advice, "where": "layers.0"}
    diagnosis = {
        "code": "MD005", "verdict": verdict, "advice": advice, "evidence": {gap: 0.5, "loss": 2.0},
        "picture": "▁▄█", "confidence": 0.9, "layer": "",
    }  # fmt: skip
    return {"title": "x", "findings": [found], "diagnoses": [diagnosis], "watched": 3}


def text_of(data, language):
    """What stands on the page, without its markup."""
    return re.sub(r"<[^>]*>", "", report_html(data, language))


def test_findings_and_diagnoses_are_told():
    data = told(
        Bilingual("it learns by heart", "它在死记硬背"), Bilingual("stop earlier", "早些停止"), Bilingual("gap", "差距")
    )
    for code in ("ML018", "MD005"):
        assert f"{code} it learns by heart" in text_of(data, "en")
        assert f"{code} 它在死记硬背" in text_of(data, "zh")
    for english, chinese in (
        ("it learns by heart (confidence 90%)▁▄█ gap 0.5, loss 2", "它在死记硬背（置信度 90%）▁▄█ 差距 0.5，loss 2"),
        ("at:  layers.0fix: stop earlier", "位置：layers.0改法：早些停止"),
        ("advice: stop earlier", "建议：早些停止"),
    ):
        assert english in text_of(data, "en")
        assert chinese in text_of(data, "zh")
    assert "did not look" in report_html({"title": "x", "findings": None})
    assert "train with --doctor" in report_html({"title": "x", "findings": []})


def test_what_is_known_in_english_alone_is_marked_as_english():
    data = told("it learns by heart", "stop earlier", "gap")
    assert report_html(data, "zh").count('<span lang="en">it learns by heart</span>') == 2
    assert report_html(data, "zh").count('<span lang="en">stop earlier</span>') == 2
    assert '<span lang="en">' not in report_html(data, "en")


# ── two languages ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_chinese_report_says_nothing_in_english(runs, kind):
    chinese = Page(report_html(report_data(runs / kind, language="zh"), "zh"))
    sentence = re.compile(r"[a-z]{3,},? [a-z]{2,}|^[A-Z][a-z]{2,}$")
    operations = re.compile(r"^[\w, ×…/.+∂=‖]+( · \d+ 步)?$")  # and formulas: names of the program, in every language
    said = [text for text in chinese.said if sentence.search(text) and not operations.match(text)]
    assert said == [text for text in said if text == kind or text.startswith(("Linear(", "Sequential"))]


def test_sentences_from_elsewhere_are_said_in_chinese():
    table = Table.from_columns(
        {"n": [1, 2, 3, 4] * 30, "same": [7] * 120, "gaps": [""] * 120, "id": map(hex, range(120))}
    )
    reasons = [*Features.fit(table).dropped.values()]
    run = mp.fit(
        nn.Linear(1, 1), ([[1.0]], [[1.0]]), loss="mse", optimizer=optim.SGD(1e-30), epochs=9, progress=False,
        callbacks=[mp.EarlyStopping(patience=2)], lint=False,
    )  # fmt: skip
    for sentence in (*reasons, run.stop_reason, interrupted, "loss is not a number"):
        assert Words("en").name(sentence) == sentence
        assert re.search(r"[\u4e00-\u9fff]", Words("zh").name(sentence)), sentence
    assert len(reasons) == 3
    assert Words("zh").name("my own reason") == "my own reason"


def test_another_language_is_refused(runs, tmp_path):
    with pytest.raises(SettingError, match="English and Chinese"):
        Words("fr")
    assert CliRunner().invoke(cli, ["report", str(runs / "classes"), "--language", "fr"]).exit_code == 2
    command("report", runs / "classes", "--language", "zh", "-o", tmp_path / "zh.html")
    assert "混淆矩阵" in (tmp_path / "zh.html").read_text(encoding="utf-8")


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────


def test_without_its_data_a_run_has_no_worked_row_and_says_so(run):
    (run.parent / "t.csv").unlink()
    data = report_data(run)
    assert {"worked", "confusion"}.isdisjoint(data)
    assert "no worked row" in data["notes"][0]
    assert "t.csv" in data["notes"][0]
    assert {"metrics", "history", "network", "findings"} <= set(data)
    write_report(run)


def test_other_data_is_noticed(run):
    table = run.parent / "t.csv"
    table.write_text(table.read_text().replace("yes", "no", 1))
    data = report_data(run)
    assert {"worked", "confusion"}.isdisjoint(data)
    assert "no longer what the run was trained on" in data["notes"][0]


def test_a_run_that_was_not_measured_says_so(run):
    (run / "metrics.json").unlink()
    data = report_data(run)
    assert "metrics" not in data
    assert "interrupted" in data["notes"][0]
    assert "worked" in data


def test_a_run_of_python_has_what_is_known(tmp_path):
    x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    mp.fit(
        nn.Linear(1, 1), (x, 2 * x), loss="mse", optimizer=optim.SGD(0.1), epochs=2, progress=False,
        directory=tmp_path / "run", lint=False,
    )  # fmt: skip
    data = report_data(tmp_path / "run")
    assert data["best_epoch"] is None
    assert data["findings"] is None
    assert "made in Python" in data["notes"][0]
    assert data["settings"]["loss"] == "mse"
    text = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "∂loss/∂weight = " in text  # the graphs do not need the data
    assert "a row of zeros" in text


@pytest.mark.parametrize("language", languages)
def test_a_run_that_ended_in_nan_has_a_report_that_says_so(runs, tmp_path, language):
    command_line = ["train", runs / "t.csv", "--target", "a", "--learning-rate", "1e30", "--quiet", "--doctor"]
    assert CliRunner().invoke(cli, [*map(str, command_line), "-d", str(tmp_path / "run")]).exit_code
    page = tmp_path / "page.html"
    command("report", tmp_path / "run", "-o", page, "--language", language)
    html = page.read_text(encoding="utf-8")
    failure = load_failed(tmp_path / "run").failure
    assert failure.what.speak(language) in html
    assert "MD014" in html


@pytest.mark.parametrize(("made", "stays"), [("by maplet", False), ("by the user", True)])
def test_a_new_run_takes_the_report_of_the_old_one_away_and_no_other(tmp_path, made, stays):
    def train(existing):
        given = {"loss": "mse", "optimizer": optim.SGD(0.1), "epochs": 1, "progress": False}
        mp.fit(nn.Linear(1, 1), ([[1.0]], [[1.0]]), **given, directory=tmp_path / "run", existing=existing, lint=False)

    train("error")
    report = tmp_path / "run" / "report.html"
    if stays:
        report.write_text(f"made {made}")
    else:
        write_report(tmp_path / "run")
    train("overwrite")
    assert report.exists() == stays


def test_what_is_no_run_is_refused(run, tmp_path):
    def refused(kind, match, path=run):
        with pytest.raises(kind, match=match):
            write_report(path)

    refused(CheckpointError, "no config.json", tmp_path / "nowhere")
    with pytest.raises(SettingError, match="the training part has 63 rows"):
        write_report(run, row=1000)
    manifest = run / "model" / "manifest.json"
    content = manifest.read_text()
    change(manifest, version=99)
    refused(CheckpointError, "format version 99")
    manifest.write_text(content)
    change(run / "job.json", source=3)
    refused(CheckpointError, "job.json is damaged")
    (run / "job.json").write_text("{}")
    refused(CheckpointError, "job.json is damaged")
    (run / "metrics.json").write_text('{"network": {"accuracy": "good"}}')
    refused(CheckpointError, "'accuracy' of 'network' is 'good'")
    shutil.rmtree(run / "model")
    refused(CheckpointError, "is not finished yet")
    change(run / "config.json", format="something else")
    refused(CheckpointError, "its format is 'something else'")


def test_nothing_is_replaced_but_a_report(run, tmp_path):
    (tmp_path / "mine.html").write_text("mine")
    refused = CliRunner().invoke(cli, ["report", str(run), "-o", str(tmp_path / "mine.html")])
    assert isinstance(refused.exception, RunExistsError)
    assert (tmp_path / "mine.html").read_text() == "mine"
    for language in ("en", "zh"):
        command("report", run, "-o", tmp_path / "report.html", "--language", language)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["mine.html", "report.html", "run", "t.csv"]
    (run / "report.html").write_text("mine")
    with pytest.raises(RunExistsError, match="no report of maplet"):
        write_report(run)


def test_a_run_in_training_is_left_alone(run):
    start = json.loads((run / "config.json").read_text())["id"]
    refusal = pytest.raises(RunExistsError, match="another process is training")
    with RunDirectory(run).reopened(start), refusal:
        write_report(run)


def test_a_large_net_is_folded():
    net = nn.Sequential(*[layer for n in range(150) for layer in (nn.Linear(2, 2, rng=n), nn.Tanh())])
    x = np.ones((1, 2), np.float32)
    derivation = derivation_of(net, "mse", x, x, "en")
    worked = Worked(0, x[0], ["a", "b"], ["3", ""], x[0], ["c", "d"], "1", False, derivation)
    text = report_html({"title": "deep", "worked": worked})
    assert len(derivation.steps) > 400
    assert len(text) < 1_000_000
    assert len(re.findall(r'id="loss-\d+"', text)) == len(re.findall(r'id="gradient-\d+"', text)) == 2


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize("language", languages)
def test_a_browser_has_nothing_to_complain_about(run, language, tmp_path):
    """Chromium writes errors of a page, what its policy refused among them, as lines with CONSOLE."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs chromium")
    path = write_report(run, language=language)
    row = tmp_path / "row.html"
    command("explain", run, "--format", "html", "-o", row)
    for page in (path, row):
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom")
        done = subprocess.run(
            [browser, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
        )
        assert "CONSOLE" not in done.stderr
        assert ('class="scripted"' in done.stdout) == (page == row)
