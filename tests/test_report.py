"""The report: well-formed, complete, safe to open, the same bytes for the same run."""

import json
import math
import random
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maplet.errors import DataError
from maplet.explain.markup import Markup, element
from maplet.explain.svg import Scale, tick_label, value_scale
from maplet.train.formatting import short_number
from maplet.train.metrics import confusion_matrix, f1, precision, recall
from maplet.train.report import report_html
from maplet.train.report.curves import thinned

ELEMENTS = set(
    re.findall(
        r"\w+",
        """html head meta title style body main header section h1 h2 p ul li div span strong data table caption thead
        tbody tr th td dl dt dd pre code figure figcaption svg desc g path rect circle text""",
    )
)

ATTRIBUTES = set(
    re.findall(
        r"[\w-]+",
        """lang charset name content http-equiv class id style scope value title role tabindex aria-label aria-hidden
        aria-labelledby viewbox width height d x y cx cy r fill-opacity text-anchor transform font-size""",
    )
)


def history(epochs, **more):
    return [
        {
            "epoch": epoch,
            "loss": 2.3 * math.exp(-epoch / 20),
            "val_loss": 2.3 * math.exp(-epoch / 20) + 0.001 * epoch,
            "val_accuracy": 1 - math.exp(-epoch / 10),
            "learning_rate": 0.001 * 0.99**epoch,
            "seconds": 0.25,
            **more,
        }
        for epoch in range(1, epochs + 1)
    ]


def classification(classes=3, epochs=5):
    rng = random.Random(0)
    return {
        "title": "penguins",
        "task": "classification",
        "command": "maplet train penguins.csv --target species",
        "notes": ["3 rows with gaps were left out"],
        "metrics": {
            "network": {"accuracy": 0.97312, "cross_entropy": 0.1023},
            "linear model": {"accuracy": 0.94949, "cross_entropy": 0.0999},
            "baseline": {"accuracy": 0.10101, "cross_entropy": 2.3026},
        },
        "history": history(epochs),
        "confusion": {
            "labels": [f"class {n}" for n in range(classes)],
            "counts": [[rng.choice([0, 0, 1, 2]) + 30 * (t == p) for p in range(classes)] for t in range(classes)],
        },
        "data": {
            "rows": 344,
            "columns": ["bill", "island"],
            "columns left out": {"id": "all different"},
            "sha256": "ab",
        },
        "settings": {"hidden": [128, 64], "optimizer": {"name": "adam", "learning_rate": 0.001}, "early": True},
        "network": [
            {"layer": "0 Linear", "settings": "4 → 64", "output shape": "(N, 64)", "parameters": 1320},
            {"layer": "1 Linear", "settings": "64 → 3", "output shape": "(N, 3)", "parameters": 195},
        ],
        "versions": {"maplet": "0.1.0", "numpy": "2.4.6"},
    }


def regression(rows=3000):
    rng = random.Random(0)
    true = [rng.lognormvariate(12, 0.5) for _ in range(rows)]
    return {
        "title": "housing",
        "task": "regression",
        "metrics": {"network": {"rmse": 48012.3, "r2": 0.8123}, "baseline": {"rmse": 115012.3, "r2": -0.0003}},
        "history": history(3),
        "predictions": {"name": "value", "true": true, "predicted": [value * rng.gauss(1, 0.2) for value in true]},
    }


RUNS = {
    "title only": {"title": "nothing"},
    "classification": classification(),
    "regression": regression(),
    "no epoch": {**classification(), "history": []},
    "one epoch": classification(epochs=1),
    "1,000 epochs": classification(epochs=1000),
    "10,000 epochs": classification(epochs=10_000),
    "one class": classification(classes=1),
    "12 classes": classification(classes=12),
    "100 classes": classification(classes=100),
    "one row": regression(rows=1),
    "no metrics": {**classification(), "metrics": {}, "network": [], "data": {}, "settings": {}, "versions": {}},
    "all NaN": {**classification(), "history": history(3, loss=math.nan, val_loss=None, val_accuracy=math.inf)},
    "constant": {**classification(), "history": history(4, loss=0.0, val_loss=5.0, learning_rate=0.1)},
    "extremes": {**classification(), "history": history(2, loss=5e-324, val_loss=1e308, val_accuracy=-1e299)},
    "no epoch numbers": {"title": "own", "history": [{"loss": 2.0}, {"loss": 1.0}]},
}


class Page(HTMLParser):
    """Checks that every element is closed in turn, and keeps what it met."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.identifiers, self.words, self.cells = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.identifiers += [value for name, value in attrs if name == "id"]
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return "\n".join(self.words)


def drawings(page):
    """Every SVG of a page as a tree; a page that is not well-formed XML inside them fails here."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


@pytest.mark.parametrize("name", RUNS)
def test_a_report_is_well_formed_and_holds_nothing_unknown(name):
    text = report_html(RUNS[name])
    page = Page(text)
    assert text.startswith("<!doctype html>\n<html lang=")
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {name for _, attrs in page.elements for name in attrs} <= ATTRIBUTES
    assert len(page.identifiers) == len(set(page.identifiers))
    for svg in drawings(text):
        assert [child.tag for child in svg][:2] == ["title", "desc"]
        assert svg.get("aria-labelledby").split() == [svg[0].get("id"), svg[1].get("id")]
        assert svg[0].text
        assert svg[1].text


@pytest.mark.parametrize("name", RUNS)
def test_every_coordinate_lies_in_its_drawing(name):
    for svg in drawings(report_html(RUNS[name])):
        _, _, width, height = map(float, svg.get("viewBox").split())
        for node in svg.iter():
            for attribute, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                if attribute in node.attrib:
                    assert -0.01 <= float(node.get(attribute)) <= most + 0.01, ET.tostring(node)
            assert "nan" not in node.get("d", "")
            assert "inf" not in node.get("d", "")


@pytest.mark.parametrize("name", RUNS)
def test_the_same_run_gives_the_same_bytes_also_after_json(name):
    assert report_html(RUNS[name]) == report_html(json.loads(json.dumps(RUNS[name])))


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_loaded_and_nothing_runs(name):
    text = report_html(RUNS[name])
    assert not re.search(r"<script|<link|<iframe|<img|javascript:|https?:|url\(|@import|\son\w+=", text)
    assert "default-src 'none'" in text.replace("&#x27;", "'")


@pytest.mark.parametrize("name", RUNS)
def test_tables_have_scoped_headers_and_a_caption(name):
    page = Page(report_html(RUNS[name]))
    for tag, attrs in page.elements:
        if tag == "th":
            assert attrs["scope"] in {"row", "col"}
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption")


@pytest.mark.parametrize("run", [classification(), regression()])
def test_every_number_of_the_metrics_stands_in_the_table_in_full(run):
    text = report_html(run)
    for values in run["metrics"].values():
        for value in values.values():
            assert f'<data value="{value!r}" title="{value!r}">{short_number(value)}</data>' in text


def test_the_best_of_each_metric_is_marked_in_its_own_direction():
    marked = re.findall(r'<strong class="best"><data value="([^"]*)"', report_html(classification()))
    assert marked == ["0.97312", "0.0999"]
    marked = re.findall(r'<strong class="best"><data value="([^"]*)"', report_html(regression()))
    assert marked == ["48012.3", "0.8123"]


def test_equal_bests_are_all_marked_and_nan_is_never_best():
    run = {"title": "x", "metrics": {"a": {"accuracy": 0.5}, "b": {"accuracy": math.nan}, "c": {"accuracy": 0.5}}}
    assert report_html(run).count('class="best"') == 2
    run = {"title": "x", "metrics": {"a": {"of my own": 0.5}, "b": {"of my own": 0.7}}}
    assert report_html(run).count('class="best"') == 0


def test_every_fact_is_told():
    text = Page(report_html(classification())).text
    for words in (
        "penguins", "classification", "maplet train penguins.csv --target species", "3 rows with gaps were left out",
        "344", "bill, island", "columns left out", "all different", "128, 64", "learning_rate", "yes",
        "4 → 64", "1,320", "1,515 parameters", "maplet 0.1.0, numpy 2.4.6", "5 epochs", "1.2 s", "class 2",
    ):  # fmt: skip
        assert words in text, words


@given(st.integers(2, 12), st.integers(0, 10**6))
def test_the_table_of_classes_agrees_with_the_metrics(classes, seed):
    rng = np.random.default_rng(seed)
    target, chosen = rng.integers(0, classes, (2, 40))
    labels = [f"<{n}>" for n in range(classes)]
    counts = confusion_matrix(chosen, target, classes=classes)
    text = report_html({"title": "x", "confusion": {"labels": labels, "counts": counts.tolist()}})
    for n in range(classes):
        row = re.search(rf'<th scope="row">&lt;{n}&gt;</th><td class="number">.*?</tr>', text)[0]
        shown = re.findall(r'<data value="([^"]*)"|<td class="number">(–)', row)
        for found, measure in zip(shown, (precision, recall, f1), strict=False):
            if found[0]:
                expected = measure((chosen == n).astype(int), (target == n).astype(int), average="binary")
                assert float(found[0]) == pytest.approx(expected)


ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "</title></svg>]]><b>",
    "&lt;b&gt; ' \" `",
    "bell \x07 null \x00 half \ud800 escape \x1b[31m",
    "--><!--",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_can_become_markup(attack):
    run = {
        "title": attack,
        "task": attack,
        "command": attack,
        "notes": [attack],
        "metrics": {attack: {attack: 0.5, "accuracy": 0.5}, "b": {attack: 0.7}},
        "history": [{"epoch": n, "loss": 1.0, attack: 2.0 + n, "val_" + attack: 1.0} for n in (1, 2)],
        "confusion": {"labels": [attack, "b"], "counts": [[1, 2], [3, 4]]},
        "predictions": {"name": attack, "true": [1.0, 2.0], "predicted": [1.0, 3.0]},
        "data": {attack: [attack], "inner": {attack: attack}},
        "settings": {attack: attack},
        "network": [{"layer": attack, attack: attack}],
        "versions": {attack: attack},
    }
    text = report_html(run)
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on") or name == "src"]
    shown = re.sub("[\x00\x07\x1b\ud800]", "�", attack)
    assert page.text.count(shown) >= 12
    assert len(drawings(text)) == 5
    text.encode("utf-8")


def test_without_the_markup_class_everything_is_escaped():
    assert (
        element("p", "<b>", ["<i>", Markup("<u></u>")], title="<x>")
        == '<p title="&lt;x&gt;">&lt;b&gt;&lt;i&gt;<u></u></p>'
    )


def test_curves_leave_gaps_where_a_value_is_missing():
    records = history(6)
    records[2]["loss"], records[4]["loss"] = math.nan, None
    text = report_html({"title": "x", "history": records})
    path = re.search(r'<path d="([^"]*)" class="curve training"></path><circle', text)[1]
    assert path.count("M") == 3
    assert "h0" in path  # epoch 4 stands alone between two gaps


def test_the_loss_gets_a_log_axis_beyond_two_decades_only():
    def page(last):
        return report_html({"title": "x", "history": [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": last}]})

    assert "log scale" in page(0.001)
    assert "log scale" not in page(0.02)
    assert "log scale" not in page(0.0)


def test_the_best_epoch_is_that_of_the_least_validation_loss_or_the_given_one():
    records = [{"epoch": n, "loss": 1 / n, "val_loss": (n - 3) ** 2 + 1.0} for n in range(1, 6)]
    assert "kept epoch 3: 1.000" in report_html({"title": "x", "history": records})
    assert "kept epoch 4: 2.000" in report_html({"title": "x", "history": records, "best_epoch": 4})
    assert "kept epoch" not in report_html({"title": "x", "history": records, "best_epoch": None})
    assert "kept epoch 5" in report_html({"title": "x", "history": [{"epoch": n, "loss": 1 / n} for n in range(1, 6)]})


def test_a_constant_learning_rate_is_a_sentence_and_a_changing_one_a_curve():
    constant = report_html({"title": "x", "history": history(3, learning_rate=0.05)})
    assert "The learning rate was 0.05 throughout." in constant
    assert len(drawings(report_html({"title": "x", "history": history(3)}))) == len(drawings(constant)) + 1


def test_thinning_keeps_spikes_and_gaps():
    values = [math.sin(n / 500) for n in range(50_000)]
    values[12_345], values[40_000] = 99.0, math.nan
    kept = thinned(list(enumerate(values)))
    assert len(kept) <= 2001
    assert (12_345, 99.0) in kept
    assert any(value is None for _, value in kept)
    places = [place for place, _ in kept]
    assert places == sorted(places)


def test_many_points_are_thinned_to_two_thousand_and_it_is_said():
    text = report_html(regression())
    assert "2,000 of 3,000 rows are shown" in text
    points = next(node for svg in drawings(text) for node in svg.iter("path") if node.get("class") == "points")
    assert points.get("d").count("M") == 2000
    bars = [node for svg in drawings(text) for node in svg.iter("rect") if node.get("class") == "bar"]
    assert sum(int(re.search(r": (\d+) rows", bar[0].text)[1]) for bar in bars) == 3000  # the histogram counts all


def test_rows_that_are_not_finite_are_left_out_and_counted():
    given_numbers = {"name": "y", "true": [1.0, 2.0, None], "predicted": [1.0, math.inf, 3.0]}
    assert "2 rows that are not finite are left out" in report_html({"title": "x", "predictions": given_numbers})
    nothing = {"name": "y", "true": [1.0], "predicted": [math.nan]}
    assert "No row has a finite prediction." in report_html({"title": "x", "predictions": nothing})


def test_what_does_not_fit_together_is_told():
    with pytest.raises(DataError, match="2 labels"):
        report_html({"title": "x", "confusion": {"labels": ["a", "b"], "counts": [[1]]}})
    with pytest.raises(DataError, match="1 predicted"):
        report_html({"title": "x", "predictions": {"name": "y", "true": [1.0, 2.0], "predicted": [1.0]}})


def test_a_large_matrix_stays_small_enough_to_send():
    assert len(report_html(RUNS["100 classes"])) < 2_000_000
    assert len(report_html(RUNS["10,000 epochs"])) < 500_000


numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e299, max_value=1e299)


@settings(deadline=None)
@given(st.lists(numbers, min_size=1, max_size=6), st.booleans())
@example([5e143, 4e-271], True)  # a step that is nothing beside the greatest tick
def test_scales_show_all_values_with_few_round_ticks(values, logarithmic):
    scale = value_scale(values, 0.0, 100.0, may_be_logarithmic=logarithmic)
    assert scale.low < scale.high
    assert all(-0.01 <= scale(value) <= 100.01 for value in values)
    ticks = scale.ticks(6)
    assert 1 <= len(ticks) <= 13
    assert all(-0.01 <= scale(tick) <= 100.01 for tick in ticks)
    labels = [tick_label(tick, ticks) for tick in ticks]
    assert all(len(label) <= 15 for label in labels), labels


@given(st.floats(1e-6, 1e8), st.floats(1e-3, 1))
def test_the_labels_of_ticks_tell_them_apart(high, share):
    ticks = value_scale([high * (1 - share), high], 0.0, 100.0).ticks(6)
    assert len({tick_label(tick, ticks) for tick in ticks}) == len(ticks)


def test_a_logarithmic_scale_is_linear_in_the_logarithm():
    scale = Scale(0.01, 100.0, 0.0, 40.0, logarithmic=True)
    assert [scale(value) for value in (0.01, 0.1, 1.0, 10.0, 100.0)] == pytest.approx([0, 10, 20, 30, 40])
    assert scale.ticks(6) == pytest.approx([0.01, 0.1, 1, 10, 100])


def test_an_odd_chart_stands_beside_the_milestones():
    text = report_html(regression())
    assert text.count('class="chart"') % 2 == 0 or "Milestones" in text
    one = {"title": "x", "history": [{"epoch": n, "loss": 1 / n, "own": "words"} for n in range(1, 6)], "best_epoch": 3}
    rows = re.findall(r'<th scope="row">([^<]*)</th><td class="number"><data value="([^"]*)"', report_html(one))
    assert rows == [("first: 1", "1.0"), ("kept: 3", repr(1 / 3)), ("last: 5", "0.2")]


def test_very_many_facts_are_cut_short_and_counted():
    facts = {"columns": [f"c{n}" for n in range(20_000)], "left out": {f"c{n}": "constant" for n in range(20_000)}}
    text = report_html({"title": "x", "data": facts})
    assert "c199 and 19,800 more" in text
    assert "and 19,950 more" in text
    assert len(text) < 30_000
