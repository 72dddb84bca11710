"""One row of the training data through the network with all numbers, and both graphs that it goes through.

The graphs are folded by layer. Each layer unfolds by itself (a `details` element, which needs no script), and the boxes
of the drawings lead there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.explain.document import scrolling
from maplet.explain.folding import grouped
from maplet.explain.gradient_graph import gradient_boxes, gradient_layers
from maplet.explain.graph_svg import graph_svg
from maplet.explain.markup import Content, Markup, element
from maplet.explain.picture import boxes_of
from maplet.explain.print_text import text
from maplet.explain.step_html import group_html, most_rows, most_unfolded, step_html
from maplet.explain.svg import drawing
from maplet.explain.symbols import number, value_formula
from maplet.explain.unrolled import spoken_of
from maplet.train.report.pieces import section, table, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.explain.derivation import Derivation
    from maplet.explain.folding import Fold
    from maplet.explain.gradient_graph import Layer
    from maplet.train.report.words import Words

most_inputs = 40  # of a row that are listed
most_outputs = 12


@dataclass(frozen=True)
class Worked:
    """A row of the training data, and every step of backpropagation on it.

    Parameters
    ----------
    row
        Its number, from 0.
    inputs
        What the network is given: one number for each name, or an image.
    names
        What the inputs are called; empty for an image.
    in_table
        The inputs as they stand in the table, before they are standardised; empty for an image.
    outputs
        What the network gives, for each class or for the number that is asked for.
    labels
        What the outputs are called.
    answer
        What would have been right.
    is_class
        Whether the outputs are logits of classes.
    derivation
        All of it.
    command
        By which further rows are seen.
    """

    row: int
    inputs: np.ndarray[Any, Any]
    names: Sequence[str]
    in_table: Sequence[str]
    outputs: np.ndarray[Any, Any]
    labels: Sequence[str]
    answer: str
    is_class: bool
    derivation: Derivation
    command: str = ""


# ── the row ──────────────────────────────────────────────────────────────────────────────────────


def worked_row(worked: Worked, say: Words) -> Markup:
    """What goes in and what comes out."""
    loss = text(number(worked.derivation.loss.value))
    outputs = worked.outputs.reshape(-1)
    order = np.argsort(-outputs, kind="stable")[:most_outputs].tolist()
    if worked.is_class:
        powers = np.exp((outputs - outputs.max()).astype(np.float64))
        shares = powers / powers.sum()
        heads = [say("class"), say("logit"), say("probability")]
        rows = [[worked.labels[n], value(float(outputs[n]), say), value(float(shares[n]), say)] for n in order]
    else:
        heads = [say("output"), say("value")]
        rows = [[worked.labels[n], value(float(outputs[n]), say)] for n in order]
    answer = element("p", say("answer"), element("strong", worked.answer))
    further = [element("p", say("other rows"), class_="words"), element("pre", element("code", worked.command))]
    return section(
        say("worked"),
        element("p", say("worked words", worked.row, loss)),
        element(
            "div", _inputs(worked, say), element("div", table(say("outputs"), heads, rows), answer), class_="charts"
        ),
        further if worked.command else None,
    )


def _inputs(worked: Worked, say: Words) -> Markup:
    values = worked.inputs
    if not worked.names and values.ndim == 2:
        return _image(values, say)
    flat = values.reshape(-1)
    names = worked.names or [f"[{n}]" for n in range(len(flat))]
    rows = [[name, value(float(one), say)] for name, one in zip(names, flat[:most_inputs].tolist(), strict=False)]
    heads = [say("input"), say("value")]
    if worked.in_table:
        heads = [say("input"), say("in the table"), say("as the network sees it")]
        rows = [[name, before, after] for (name, after), before in zip(rows, worked.in_table, strict=False)]
    more = say("more inputs", most_inputs, f"{len(flat):,}") if len(flat) > most_inputs else None
    shown = table(say("inputs"), heads, rows)
    return element("div", shown, element("p", more, class_="words") if more else None)


def _image(values: np.ndarray[Any, Any], say: Words) -> Markup:
    """An image from 0 to 1 as squares of the ink's colour."""
    height, width = values.shape
    side = 240 / max(height, width)
    squares = [
        element("rect", x=x * side, y=y * side, width=side, height=side, fill_opacity=min(float(values[y, x]), 1.0))
        for y, x in zip(*np.nonzero(values > 0), strict=True)
    ]
    words = f"{height} × {width}"
    shown = drawing("image", say("image"), words, (width * side, height * side), squares)
    return element("figure", element("figcaption", say("image")), shown, class_="image")


# ── the graphs ───────────────────────────────────────────────────────────────────────────────────


def graphs(derivation: Derivation, say: Words, *, of_zeros: bool) -> list[Markup]:
    """The loss graph and the gradient graph; where there is no data, with the numbers of a row of zeros."""
    folds = grouped(derivation)
    boxes, arrows = boxes_of(folds, derivation)
    names = {step.node: f"#step-{n}" for n, step in enumerate(derivation.steps)}
    alone = len(derivation.steps) <= most_unfolded
    forward = [_fold(fold, n, names, say, alone=alone) for n, fold in enumerate(folds)]
    layers, back_arrows = gradient_layers(derivation)
    title, back_title = say("loss graph"), say("gradient graph")
    back = graph_svg(gradient_boxes(layers, say.language), back_arrows, back_title, "gradient", say.language)
    shown = graph_svg(boxes, arrows, title, "loss", say.language)
    zeros = element("p", say("of zeros"), class_="words") if of_zeros else None
    return [
        section(title, element("p", say("loss graph words"), class_="words"), zeros, _folded(shown, title, forward)),
        section(
            back_title,
            element("p", say("gradient graph words"), class_="words"),
            _folded(back, back_title, [_layer(layer, n, say) for n, layer in enumerate(layers)])
            if layers
            else element("p", say("no backward")),
        ),
    ]


def _folded(graph: Markup, title: str, layers: Sequence[Markup]) -> Markup:
    picture = element("div", scrolling(graph, title), class_="graph")
    return element("div", picture, element("div", layers, class_="layers"), class_="folded")


def _details(title: str, words: str, anchor: str, *content: Content) -> Markup:
    """What unfolds; the anchor stands inside, so that a link to it unfolds it."""
    summary = element("summary", element("strong", title), " ", element("span", words, class_="words"))
    return element("details", summary, element("div", content, id=anchor))


def _fold(fold: Fold, n: int, names: dict[Any, str], say: Words, *, alone: bool) -> Markup:
    """A layer of the loss graph: its steps, each with formulas and numbers."""
    if alone:
        content: list[Content] = [
            _details(
                step.name,
                text(value_formula(step)),
                names[step.node][1:],
                step_html(step, lambda other: names.get(other.shown.node)),
            )
            for step in spoken_of(fold.steps)
        ]
    else:
        content = group_html(fold, say.language)
    words = f"{fold.operations} · {say.counted('steps', 'step one', len(spoken_of(fold.steps)))}"
    return _details(fold.title, words, f"loss-{n}", content)


def _layer(layer: Layer, n: int, say: Words) -> Markup:
    """A layer of the gradient graph: its program, line by line, with the size of what comes out."""
    rows = [
        element("tr", element("td", element("code", made.program), class_="line-of-code"),
                element("td", str(made.node.type), class_="text"), element("td", made.size),
                element("td", made.rule, class_="text"))
        for made in layer.nodes[:most_rows]
    ]  # fmt: skip
    columns = (("program", "text"), ("type", "text"), ("result", None), ("by", "text"))
    heads = [element("th", say(key), scope="col", class_=side) for key, side in columns]
    more = len(layer.nodes) - most_rows
    shown = element(
        "table", element("caption", layer.title, class_="unseen"), element("tr", heads), rows, class_="cells"
    )
    operations = list(dict.fromkeys(made.node.primitive.name for made in layer.nodes))
    words = f"{', '.join(operations)} · {say.counted('steps', 'step one', len(layer.nodes))}"
    rest = element("p", say("and more", f"{more:,}").strip(), class_="words") if more > 0 else None
    return _details(layer.title, words, f"gradient-{n}", scrolling(shown, layer.title), rest)
