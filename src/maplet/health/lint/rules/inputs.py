"""ML015: inputs that are not scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.recognition import source
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

large = 50.0  # a root mean square; standardised inputs have 1, pixels that are not divided by 255 about 100
small = 1e-3  # of those that are not 0
apart = 1000.0  # the largest column against the smallest


@rule("ML015", "inputs that are not scaled", "输入没有缩放")
@in_chinese(
    "第一层得到很大或很小的数，或者各列的大小相差悬殊。",
    "权重是按方差为 1 的输入初始化的。大小为 s 的输入产生大小为 s 的输出，使 sigmoid 或 tanh 饱和，曲率则变为 s² 倍，"
    "学习率因此要缩小到原来的 1/s²；大小不同的列需要不同的学习率。很小的输入所产生的输出和梯度，与偏置相比微不足"
    "道。",
    "像素除以 255；用训练集的均值和标准差对各列作标准化：(x − 均值) / 标准差；或以 `nn.BatchNorm` 作为网络的第一层。",
)
def unscaled(subject: Subject) -> Iterator[Finding]:
    """The first layer is given large numbers or tiny ones, or columns of very different size.

    Weights are drawn for inputs of variance 1. Inputs of the size s make outputs of the size s, which saturate a
    sigmoid or a tanh, and a curvature of s², so that the learning rate must be s² times smaller; columns of different
    size want different rates. Tiny inputs make outputs and gradients that are hardly there beside the biases.

    Divide pixels by 255; standardise columns, (x − mean) / standard deviation, with the numbers of the training part;
    or begin the net with `nn.BatchNorm`.
    """
    seen: set[Node] = set()
    for product in subject.read.products:
        given = source(product.data)
        if given in seen or given in subject.read.with_parameters or _normalized(given):
            continue
        seen.add(given)
        value = subject.values.get(given, _given(subject, given))
        if value is None or value.dtype.kind != "f" or value.ndim < 2 or not value.size:
            continue
        yield from _judged(subject, product.node, np.asarray(value, np.float64))


def _given(subject: Subject, node: Node) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """The value of an input, which is known where nothing is computed too."""
    pairs = zip(subject.graph.inputs, subject.recording.given(), strict=True)
    return next((array.numpy() for own, array in pairs if own is node), None)


def _normalized(node: Node) -> bool:
    """Whether numbers were divided by what they have in common."""
    return node.primitive.name in ("multiply", "divide") and any(
        source(child).primitive.name in ("rsqrt", "sqrt") for child in node.inputs
    )


def _judged(
    subject: Subject, node: Node, value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> Iterator[Finding]:
    columns = np.sqrt(np.mean(value.reshape(-1, value.shape[-1]) ** 2, axis=0))
    whole = float(np.sqrt(np.mean(value**2)))
    least, most = float(columns[columns > 0].min(initial=np.inf)), float(columns.max())
    scaled = Bilingual(
        "standardise each column with the mean and standard deviation of the training part (pixels: x / 255)",
        "用训练集的均值和标准差对各列作标准化（像素：x / 255）",
    )
    there = float(np.sqrt(np.mean(value[value != 0] ** 2))) if whole else 1.0
    if whole > large or there < small:
        size = Bilingual(f"large: their root mean square is {whole:.3g}", f"太大：均方根为 {whole:.3g}")
        if there < small:
            size = Bilingual(
                f"tiny: the root mean square of those that are not 0 is {there:.3g}",
                f"太小：不为 0 的元素的均方根为 {there:.3g}",
            )
        yield Finding(
            Bilingual(f"the inputs of the first layer are {size}, not about 1", f"第一层的输入{size.zh}，而不是约为 1"),
            scaled,
            subject.origin(node),
            {"root mean square": whole},
        )
    elif most > 10 and most > apart * least:
        yield Finding(
            Bilingual(
                f"the columns of the input differ in size by {most / least:.2g}: from {least:.2g} to {most:.2g}",
                f"输入各列的大小相差 {most / least:.2g} 倍：从 {least:.2g} 到 {most:.2g}",
            ),
            scaled,
            subject.origin(node),
            {"least": least, "most": most},
        )
