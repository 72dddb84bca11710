"""MD010 and MD011: data that tells too much, or what is not true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.health.doctor.answers import Numbers, share, unexplained
from maplet.health.doctor.diagnosis import Diagnosis, percent, rule, sparkline
from maplet.health.doctor.yardstick import left_out, standardised
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from maplet.health.doctor.answers import Answers
    from maplet.health.doctor.course import Course
    from maplet.health.doctor.recorded import Rows

nearly_all = 0.03  # of the target is left unexplained by a column that tells it
neighbours = 2  # on each side, whose targets answer for a row
exactly, second_best, others = 0.004, 0.25, 0.1  # of numbers, left by it; left by the next column; by all but it
least_columns, fewest_rows = 3, 40
in_both, as_usual, near = 0.05, 3.0, 0.05  # share of rows; times that among training rows; of the usual distance
surest, floor, even = 0.25, 0.075, 0.68  # the share of rows that is looked at, errors there, by those everywhere
learned, agreed, by_heart = 0.9, 0.74, 0.5  # unexplained by the method; the same answers; of its errors, by the net
far_off, too_often = 5.0, 0.03  # of the usual residual; the share of such rows


# ── MD010 ────────────────────────────────────────────────────────────────────────────────────────


@rule("MD010", "leakage", "数据泄漏")
@in_chinese(
    "仅凭一列几乎就能完全得知目标，或者验证行也出现在训练行中。",
    (
        "每一列单独检验：每一行都由该列数值与之相邻的各行来回答。如果剩下的误差至多是常数答案的 3%，而其他各列"
        "都远远做不到，那么这一列很少会是在目标已知之前测得的。序列的列是时间点，其中一个时间点可以决定一切，因"
        "此不作检验。"
    ),
    (
        "验证行若被训练过，损失上看不出来。所有输入都相同的行视为同一行，距离只有通常距离二十分之一的行也是；如"
        "果训练行之间同样经常重复，则不作诊断。"
    ),
)
def leakage(course: Course) -> Iterator[Diagnosis]:
    """One column tells the target all but perfectly, or validation rows stand among the training rows.

    A column is tried alone: each row is answered by the rows whose numbers in that column are next to its own. That at
    most 3 % of the errors of a constant answer are left, when no other column comes near, is rare for what was measured
    before the target was known. Columns of sequences are moments, of which one may tell all, and are not tried.

    Of validation rows that were trained on the loss says nothing. Rows are the same if all inputs are, or if they are
    twenty times as near as rows usually are; where training rows repeat one another as often, nothing is said.
    """
    known = course.training
    if known is None or len(known.x) < fewest_rows:
        return
    rest = told_by_columns(known) if not _are_sequences(course) else np.ones(1)
    if _stands_out(course, rest):
        column = int(rest.argmin())
        yield Diagnosis(
            _name(course, column).then(Bilingual(" alone tells the target", "就能得知目标")),
            Bilingual(
                "look where this column comes from: if it is known only once the target is, leave it out",
                "查明这一列的来源：如果目标已知之后才能得到它，就去掉这一列",
            ),
            {
                Bilingual("unexplained by it", "该列未能解释的部分"): float(rest[column]),
                Bilingual("by the median column", "中位列未能解释的部分"): float(np.median(rest)),
            },
            sparkline((1 - rest).tolist()),
            0.85,
        )
        return
    yield from _rows_in_both(course)


def _name(course: Course, column: int) -> Bilingual:
    """What a column is called, or where it stands."""
    names = () if course.given is None else course.given.columns
    if column < len(names):
        return Bilingual(f"the column {names[column]}", f"仅凭列 {names[column]} ")
    return Bilingual(f"column {column} of the inputs (counted from 0)", f"仅凭输入的第 {column} 列（从 0 数起）")


def told_by_columns(known: Answers) -> Numbers:
    """What each column alone leaves unexplained: each row is answered by its neighbours in the order of the column."""
    count = len(known.x)
    beside = np.clip(
        np.arange(count)[:, None] + [n for n in range(-neighbours, neighbours + 1) if n], 0, count - 1
    )  # fmt: skip
    beside[:neighbours] = [1, 2, 3, 4][: 2 * neighbours]
    beside[-neighbours:] = count - 2
    rest = np.ones(known.x.shape[1])
    for column in range(known.x.shape[1]):
        numbers = known.x[:, column]
        if numbers.min() < numbers.max():
            targets = known.targets[np.argsort(numbers, kind="stable")]
            rest[column] = unexplained(targets, targets[beside].mean(axis=1), of_classes=known.of_classes)
    return rest


def _are_sequences(course: Course) -> bool:
    """Whether some input is of sequences, where a column is a moment, and to remember one is an honest task."""
    rows = None if course.given is None else course.given.training
    return rows is not None and any(leaf.ndim == 3 for leaf in leaves(rows.x).values())


def _stands_out(course: Course, rest: Numbers) -> bool:
    """Whether one column tells nearly all, and the others, each alone or all together, do not."""
    if course.yardstick is None or len(rest) < least_columns:
        return False
    column, (least, second) = int(rest.argmin()), np.sort(rest)[:2]
    if least >= nearly_all or second <= second_best:
        return False
    part, _ = course.yardstick
    if part.of_classes:
        in_order = part.y[np.argsort(part.x[:, column], kind="stable")]
        whole = int(np.count_nonzero(np.diff(in_order))) < len(np.unique(in_order))  # each class is one piece
    else:
        whole = bool(least < exactly)
    without = left_out(np.delete(part.x, column, axis=1), part.targets, of_classes=part.of_classes)
    return whole or unexplained(part.targets, without, of_classes=part.of_classes) > others


def _rows_in_both(course: Course) -> Iterator[Diagnosis]:
    given = course.given
    if given is None or given.training is None or given.validation is None:
        return
    trained, held_out = _as_bytes(given.training), _as_bytes(given.validation)
    kinds, counts = np.unique(trained, return_counts=True)
    usual = share(counts[np.searchsorted(kinds, trained)] > 1)
    shared = share(np.isin(held_out, kinds))
    if shared <= in_both and course.training is not None and course.validation is not None:
        usual, shared = _near(course.training.x, course.validation.x)
    if shared > max(in_both, as_usual * usual) and shared * len(held_out) >= 3:
        yield Diagnosis(
            Bilingual(
                f"{percent(shared)} of the validation rows stand among the training rows",
                f"{percent(shared).zh} 的验证行也出现在训练行中",
            ),
            Bilingual(
                "split anew, so that a row (and all that belongs to it) stands in one part only; drop repeated rows "
                "first",
                "重新划分，使每一行（以及属于它的一切）只出现在一个部分中；先删去重复的行",
            ),
            {
                Bilingual("shared", "重叠的比例"): shared,
                Bilingual("repeated among training rows", "训练行之间重复的比例"): usual,
            },
            sparkline([usual, shared]),
            0.9,
        )


def _as_bytes(rows: Rows) -> NDArray[Any]:
    """Each row of inputs as one opaque value."""
    columns = [np.asarray(leaf.numpy()) for leaf in leaves(rows.x).values()]
    flat = [np.ascontiguousarray(column.reshape(len(column), -1)).view(np.uint8) for column in columns]
    joined = np.ascontiguousarray(np.concatenate([part.reshape(len(part), -1) for part in flat], axis=1))
    return joined.view(np.dtype((np.void, joined.shape[1]))).reshape(-1)


def _near(trained: Numbers, held_out: Numbers) -> tuple[float, float]:
    """The shares of training rows, and of validation rows, that are very near to another training row."""
    both = standardised(np.concatenate([trained, held_out]))
    first, second = both[: len(trained)], both[len(trained) :]
    among = _distances(first, first)
    np.fill_diagonal(among, np.inf)
    nearest = among.min(axis=1)
    limit = near * float(np.median(nearest))
    return share(nearest < limit), share(_distances(second, first).min(axis=1) < limit)


def _distances(a: Numbers, b: Numbers) -> Numbers:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


# ── MD011 ────────────────────────────────────────────────────────────────────────────────────────


@rule("MD011", "wrong labels", "标签错误")
@in_chinese(
    "有些行始终答错，而网络与简单方法对它们和对其他行一样有把握。",
    (
        "如果是类别重叠，错误会集中在谁都没有把握的地方，而最有把握的四分之一是对的。弄混的标签则到处都错：最有"
        "把握的答案中的错误几乎与全部答案中的一样多。简单方法对每一行的了解都只来自其他各行，因此不可能死记标签"
        "。对于数值目标：有些行的残差远远超过通常残差的五倍。"
    ),
)
def label_noise(course: Course) -> Iterator[Diagnosis]:
    """Rows stay wrong of which the net, and a simple method, are as sure as of any.

    Where classes overlap, the errors lie where nobody is sure, and the surest quarter of the answers is right. Labels
    that were mixed up are wrong everywhere: there are nearly as many errors among the surest answers as among all. The
    simple method knows each row only by the others, so that it can learn no label by heart. Of numbers: the residuals
    of some rows are far beyond five times the usual.
    """
    if course.yardstick is None:
        return
    part, given = course.yardstick
    if not part.of_classes:
        yield from _far_off(part)
        return
    (sure, everywhere), rest = _sure_errors(part.y, given), unexplained(part.targets, given, of_classes=True)
    own, agree = _sure_errors(part.y, part.given)[0], share(np.equal(part.chosen, given.argmax(axis=1)))
    if part.wrong < by_heart * rest:  # the net knows the wrong labels by heart, too
        held_out = course.validation
        own, agree = (_sure_errors(held_out.y, held_out.given)[0], 1.0) if held_out is not None else (sure, 1.6 - rest)
    if rest < learned and agree >= agreed and min(own, sure) > floor and sure > even * everywhere:
        yield Diagnosis(
            Bilingual(
                f"about {percent(sure)} of the labels look wrong, all over the rows",
                f"约 {percent(sure).zh} 的标签看来有误，遍布所有行",
            ),
            Bilingual(
                "look at the rows of which the net is sure and wrong, and mend their labels; label_smoothing, or a "
                "loss that forgives (nn.focal does not)",
                "查看网络很有把握却答错的行，改正其标签；使用 label_smoothing，或者对错误标签宽容的损失"
                "（nn.focal 并不宽容）",
            ),
            {
                Bilingual("errors among the surest answers", "最有把握的答案的错误率"): sure,
                Bilingual("of the net", "其中网络的错误率"): own,
                Bilingual("among all", "全部答案的错误率"): everywhere,
            },
            sparkline([everywhere, sure, own]),
            0.8,
        )


def _sure_errors(y: NDArray[Any], given: Numbers) -> tuple[float, float]:
    """The share of errors among the surest answers, as many of each class as it has answers, and among all."""
    chosen, ordered = given.argmax(axis=1), np.sort(given, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    of_class = [np.flatnonzero(chosen == label) for label in range(given.shape[1])]
    surest_rows = [rows[np.argsort(-margin[rows], kind="stable")[: int(len(rows) * surest)]] for rows in of_class]
    top = np.concatenate(surest_rows)
    return share(np.not_equal(y[top], chosen[top])) if len(top) else 0.0, share(np.not_equal(chosen, y))


def _far_off(part: Answers) -> Iterator[Diagnosis]:
    residuals = np.abs(part.targets - part.given).max(axis=1)
    usual, spread = float(np.median(residuals)) / 0.6745, float(part.targets.std())
    many = share(residuals > far_off * usual)
    if many > too_often and 0 < usual < 0.5 * spread:
        yield Diagnosis(
            Bilingual(
                f"the targets of {percent(many, 1)} of the rows are far from all that the others say",
                f"{percent(many, 1).zh} 的行的目标与其他行所示的规律相差很远",
            ),
            Bilingual(
                "look at these rows for slips of the pen and of the unit; mae or huber, which far-off rows pull less",
                "检查这些行有没有笔误或单位错误；改用 mae 或 huber，它们受离群的行影响较小",
            ),
            {
                Bilingual("share of rows", "行的比例"): many,
                Bilingual("usual residual", "通常的残差"): usual,
                Bilingual("greatest", "最大的残差"): float(residuals.max()),
            },
            sparkline(np.sort(residuals).tolist()),
            0.8,
        )
