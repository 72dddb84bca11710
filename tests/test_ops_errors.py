"""What operations cannot do is said by maplet itself: the place, what was given, and how to mend it."""

# A case is one line of a table.
# ruff: noqa: E501

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.array import Array, Parameter
from maplet.errors import DataError, DTypeError, PositionError, SettingError, ShapeError, TooLargeError

a = mp.ones((2, 3))
counts = mp.asarray([1, 2])
images = mp.ones((1, 4, 4, 1))
bytes_ = mp.asarray(np.asarray([1, 2], np.uint8))
millions = (10**6, 10**6)

refused = {
    "reshape to letters": (lambda: mp.reshape(a, "ab"), ShapeError, r"reshape: 'ab' is no shape"),
    "reshape to a fraction": (lambda: mp.reshape(a, 80.0), ShapeError, r"reshape: 80\.0 is no shape"),
    "reshape to fractions": (lambda: a.reshape(2.0, 3.0), ShapeError, r"\(2\.0, 3\.0\) is no shape"),
    "reshape with two open lengths": (lambda: a.reshape(-1, -1), ShapeError, "0 or greater"),
    "reshape to a negative length": (lambda: a.reshape(-2, -3), ShapeError, "0 or greater"),
    "broadcast_to a fraction": (lambda: mp.broadcast_to(a, (1.5, 2, 3)), ShapeError, "broadcast_to: .* is no shape"),
    "zeros of a fraction": (lambda: mp.zeros((2.5,)), ShapeError, r"\(2\.5,\) is no shape"),
    "zeros of less than nothing": (lambda: mp.zeros((-1, 2)), ShapeError, r"\(-1, 2\) is no shape"),
    "random of a fraction": (lambda: mp.random.Generator(0).normal((1.5,)), ShapeError, "random: .* is no shape"),
    "random of less than nothing": (lambda: mp.random.Generator(0).uniform((-1,)), ShapeError, "random: .* is no shape"),
    "pad with crooked pairs": (lambda: mp.pad(a, ((1,), (1, 1))), ShapeError, "one pair per axis"),
    "pad with a fraction": (lambda: mp.pad(a, 1.5), ShapeError, r"pad: 1\.5 says no widths"),
    "pad with less than nothing": (lambda: mp.pad(a, (-1, 2)), ShapeError, "says no widths"),
    "pad of other axes": (lambda: mp.pad(a, ((1, 1), (1, 1), (1, 1))), ShapeError, "2 axes"),
    "sum over a letter": (lambda: mp.sum(a, axis="x"), ShapeError, "sum: axis 'x' is no integer"),
    "sum over a fraction": (lambda: mp.sum(a, axis=1.5), ShapeError, r"axis 1\.5 is no integer"),
    "sum over letters": (lambda: mp.sum(a, axis=(0, "x")), ShapeError, "axis 'x' is no integer"),
    "keepdims of a word": (lambda: mp.argmax(a, keepdims="no"), SettingError, "argmax: keepdims='no'"),
    "ones at a fraction": (lambda: mp.eye(3, k=1.0), SettingError, r"eye: k=1\.0: expected an integer"),
    "a correction of a letter": (lambda: mp.var(a, correction="a"), SettingError, "var: correction='a': expected a finite number"),
    "a correction by truth": (lambda: mp.var(a, correction=True), SettingError, "correction=True: expected a finite number"),
    "a cast to nothing": (lambda: mp.astype(a, None), DTypeError, "the dtype None is not one"),
    "a cast to a number": (lambda: mp.astype(a, np.int64(1)), DTypeError, "is not one that maplet"),
    "a mode of two": (lambda: mp.pad(a, 1, np.asarray([1, 2])), SettingError, "pad: mode=array"),
    "a grid of two": (lambda: mp.meshgrid(a[0], a[0], indexing=np.asarray([1, 2])), SettingError, "meshgrid: indexing"),
    "zeros of bytes": (lambda: mp.zeros(b"1"), ShapeError, "b'1' is no shape"),
    "tiles of a dict": (lambda: mp.tile(a, {}), ShapeError, "tile: {} is no shape"),
    "sum over truth": (lambda: mp.sum(a, axis=True), ShapeError, "axis True is no integer"),
    "zeros of truth": (lambda: mp.zeros((True, 2)), ShapeError, r"\(True, 2\) is no shape"),
    "roll by truth": (lambda: mp.roll(a, True), SettingError, "shift=True: expected an integer"),
    "segments of truth": (lambda: mp.segment_sum(a, mp.asarray([0, 1]), True), SettingError, "num_segments=True: expected an integer ≥ 0"),
    "segments, less than none": (lambda: mp.segment_sum(a, mp.asarray([0, 1]), -1), SettingError, "num_segments=-1: expected an integer ≥ 0"),
    "topk of truth": (lambda: mp.topk(a, True), SettingError, "k=True: expected an integer from 0 to 3"),
    "topk of too many": (lambda: mp.topk(a, 4), SettingError, "k=4: expected an integer from 0 to 3"),
    "sort in an array's direction": (lambda: mp.sort(a, descending=counts), SettingError, "sort: descending=Array(?s:.*)True or False"),
    "argsort in a number's direction": (lambda: mp.argsort(a, descending=1), SettingError, "argsort: descending=1"),
    "isclose with an array of NaN": (lambda: mp.isclose(a, a, equal_nan=counts), SettingError, "equal_nan=Array"),
    "gelu by an array": (lambda: mp.gelu(a, approximate=counts), SettingError, "approximate=Array"),
    "linspace with ends": (lambda: mp.linspace(0, 1, 3, endpoint=counts), SettingError, "endpoint=Array"),
    "cholesky of both sides": (lambda: mp.linalg.cholesky(mp.eye(2), upper=counts), SettingError, "upper=Array"),
    "svd, full or not": (lambda: mp.linalg.svd(a, full_matrices=2), SettingError, "full_matrices=2"),
    "windows of truth": (lambda: mp.reduce_window(images, "max", True), SettingError, "window is an integer from 1"),
    "argmax over a letter": (lambda: mp.argmax(a, axis="x"), ShapeError, "argmax: axis 'x'"),
    "concat of one array": (lambda: mp.concat(a), ShapeError, r"list of arrays, given one of shape(?s:.*)concat\(\[a, b\]"),
    "concat of NumPy": (lambda: mp.concat(np.ones((2, 2))), ShapeError, "list of arrays"),
    "stack of one array": (lambda: mp.stack(a), ShapeError, r"stack\(\[a, b\]"),
    "stack of nothing": (lambda: mp.stack([]), ShapeError, "at least one"),
    "integers to −1": (lambda: counts**-1, DTypeError, r"i64 to a negative power(?s:.*)astype"),
    "2 to negative integers": (lambda: 2 ** (-counts), DTypeError, "negative power"),
    "300 beside bytes": (lambda: bytes_ + 300, DTypeError, "300 is outside uint8, which goes from 0 to 255"),
    "bytes to −1": (lambda: bytes_**-1, DTypeError, "-1 is outside uint8"),
    "300 as a byte": (lambda: mp.asarray(300, dtype="uint8"), DTypeError, "300 is outside uint8"),
    "−129 among int8": (lambda: mp.asarray([1, -129], dtype="int8"), DTypeError, "-129 is outside int8"),
    "300 as a parameter": (lambda: Parameter([300], "uint8"), DTypeError, "300 is outside uint8"),
    "an integer of 100 bits": (lambda: mp.asarray(10**30), DTypeError, "outside int64(?s:.*)1e30"),
    "integers of 100 bits": (lambda: mp.asarray([10**30]), DTypeError, "1e30"),
    "ragged lists": (lambda: mp.asarray([[1], [1, 2]]), ShapeError, "no common length(?s:.*)same length"),
    "masked": (lambda: mp.asarray(np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])), DataError, "1 of the 3 elements are masked"),
    "masked in an operation": (lambda: a[0] + np.ma.array([1.0, 2.0, 3.0], mask=[1, 1, 0]), DataError, "2 of the 3"),
    "roll by a fraction": (lambda: mp.roll(a, 1.5), SettingError, r"roll: shift=1\.5: expected an integer"),
    "a triangle at a fraction": (lambda: mp.tril(a, k=1.5), SettingError, r"tril: k=1\.5"),
    "the other triangle": (lambda: mp.triu(a, k="x"), SettingError, "triu: k='x'"),
    "a diagonal at a fraction": (lambda: mp.linalg.diagonal(a, offset=0.5), SettingError, r"offset=0\.5"),
    "a trace beside nothing": (lambda: mp.linalg.trace(a, offset=None), SettingError, "offset=None"),
    "einsum without letters": (lambda: mp.einsum(a, a), SettingError, "is no text(?s:.*)ij,jk->ik"),
    "an order that is a number": (lambda: mp.permute_dims(a, 1), ShapeError, r"1 is no order(?s:.*)\(0, 1\)"),
    "stack of a number": (lambda: mp.stack(5), ShapeError, "a list of arrays, given 5"),
    "concat of nothing at all": (lambda: mp.concat(None), ShapeError, "a list of arrays, given None"),
    "arange of letters": (lambda: mp.arange("3"), DTypeError, "counts by numbers, given '3'"),
    "arange without an end": (lambda: mp.arange(float("inf")), SettingError, "no end"),
    "DLPack of a list": (lambda: mp.from_dlpack([1, 2]), DTypeError, "given list(?s:.*)asarray"),
    "a copy, perhaps": (lambda: mp.reshape(a, (6,), copy="no"), SettingError, "reshape: copy='no'"),
    "a copy by a number": (lambda: mp.astype(a, mp.float64, copy=1), SettingError, "astype: copy=1"),
    "a copy by an array": (lambda: mp.asarray(a, copy=counts), SettingError, "asarray: copy=Array"),
    "a copy of DLPack by 0": (lambda: mp.from_dlpack(np.ones(2), copy=0), SettingError, "from_dlpack: copy=0"),
    "a stable number": (lambda: mp.sort(a, stable=1), SettingError, "^sort: stable=1"),
    "a stable order of letters": (lambda: mp.argsort(a, stable="yes"), SettingError, "argsort: stable='yes'"),
    "round to a fraction": (lambda: round(a, 1.5), SettingError, r"round: digits=1\.5: expected an integer"),
    "round to a truth": (lambda: round(a, True), SettingError, "round: digits=True"),
    "round beyond the range": (lambda: round(a, 39), SettingError, "digits=39(?s:.*)from −38 to 38"),
    "hundreds of integers": (lambda: round(counts, -2), DTypeError, r"digits=-2 of i64(?s:.*)astype"),
    "sum with letters": (lambda: mp.sum(a, keepdims="no"), SettingError, "sum: keepdims='no'"),
    "a key with a step of 0": (lambda: a[::0], PositionError, "selects nothing(?s:.*)not 0"),
    "a key up to a letter": (lambda: a[:"b"], PositionError, "selects nothing(?s:.*)integers"),
    "windows of a list": (lambda: mp.reduce_window(images, ["max"], 2), SettingError, "max, min, sum, mean"),
    "the greatest truth": (lambda: mp.reduce_window(images > 0, "max", 2), DTypeError, "numbers, not bool"),
    "margins of 100 bits": (lambda: mp.pad(a, (10**30, 0)), ShapeError, "says no widths"),
    "a sorter of one number": (lambda: mp.searchsorted(a[0], 1.0, sorter=0), ShapeError, "sorter has shape"),
    "a segment beyond": (lambda: mp.segment_sum(a, mp.asarray([0, 2]), 2), PositionError, r"index 2 .*\(2, 3\)"),
    "adding beyond": (lambda: mp.scatter_add(a[0], mp.asarray([3]), 1.0), PositionError, "index 3 (?s:.*)-3 to 2"),
    "adding beyond, one each": (lambda: mp.scatter_add(a, mp.asarray([[0], [2]]), 1.0), PositionError, "index 2"),
    "one_hot of −1 classes": (lambda: mp.one_hot(counts, -1), SettingError, "num_classes=-1(?s:.*)mp.max"),
    "one_hot of a fraction": (lambda: mp.one_hot(counts, 2.5), SettingError, r"num_classes=2\.5"),
    "take beyond": (lambda: mp.take(a, mp.asarray([0, 5]), axis=1), PositionError, r"index 5 .*axis 1(?s:.*)-3 to 2"),
    "take before": (lambda: mp.take(a, mp.asarray([-4]), axis=1), PositionError, "index -4"),
    "take_along_axis beyond": (lambda: mp.take_along_axis(a, mp.asarray([[3], [0]])), PositionError, "index 3"),
    "take from nothing": (lambda: mp.take(a[:0], mp.asarray([0]), axis=0), PositionError, "the axis is empty"),
    "a key beyond": (lambda: a[2], PositionError, "-2 to 1"),
    "keys beyond": (lambda: a[:, [0, 3]], PositionError, "-3 to 2"),
    "too large": (lambda: mp.zeros(millions) + 1, TooLargeError, r"add: .*f32\[1000000,1000000\].* 3,725\.3 GiB"),
    "counting too far": (lambda: mp.arange(10**13), TooLargeError, "GiB"),
    "beyond every address": (lambda: mp.zeros((2**40, 2**40)), TooLargeError, "GiB"),
    "beyond every integer": (lambda: mp.zeros((10**30,)), TooLargeError, "GiB"),
}  # fmt: skip


@pytest.mark.parametrize("name", refused)
def test_it_is_refused_with_a_way_out(name):
    call, error, message = refused[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert caught.value.fix or "at least one" in message or ": expected " in str(caught.value)


@pytest.mark.parametrize(
    "name", [name for name, (_, error, _) in refused.items() if error in (PositionError, TooLargeError)]
)
def test_the_same_inside_a_gradient_and_it_says_where(name):
    call, error, message = refused[name]
    with pytest.raises(error, match=message) as caught:
        mp.grad(lambda x: mp.sum(call() * x))(1.0)
    assert "test_ops_errors.py" in str(caught.value) or "key" in name


def test_an_evaluated_graph_says_where_there_is_no_memory_and_where_a_position_is_outside():
    large = mp.trace(lambda x: mp.sum(mp.broadcast_to(x, millions) + 1.0), 1.0)
    with pytest.raises(TooLargeError, match=r"GiB(?s:.*)test_ops_errors\.py"):
        mp.evaluate(large, 1.0)
    look_up = mp.trace(lambda p: mp.take(mp.ones((3,)), p, axis=0), counts)
    with pytest.raises(PositionError, match=r"index 7(?s:.*)test_ops_errors\.py"):
        mp.evaluate(look_up, mp.asarray([0, 7]))


def test_a_layer_without_memory_is_named():
    net = nn.Sequential(nn.ReLU(), nn.ReLU())
    x = mp.broadcast_to(mp.ones(()), (2**40,))
    with pytest.raises(TooLargeError, match=r"layers\.0 · test_ops_errors\.py"):
        net(x)


def test_far_away_there_is_no_diagonal_and_no_difference():
    assert mp.linalg.diagonal(a, offset=10**30).shape == mp.linalg.diagonal(a, offset=-(10**30)).shape == (0,)
    assert mp.linalg.trace(a, offset=10**30).item() == 0
    assert mp.diff(a, n=10**12).shape == (2, 0)


def test_errors_of_maplet_are_still_those_that_python_knows():
    assert issubclass(PositionError, IndexError)
    assert issubclass(TooLargeError, MemoryError)


def test_what_is_near_the_limit_is_taken():
    assert mp.asarray([0, 255], dtype="uint8").tolist() == [0, 255]
    assert (bytes_ + 253).tolist() == [254, 255]
    assert (counts**0).tolist() == [1, 1]
    assert mp.asarray(2**63 - 1).item() == 2**63 - 1
    assert mp.asarray(-(2**63)).item() == -(2**63)
    assert mp.zeros((0, 2)).shape == (0, 2)
    assert a.reshape(-1, 2).shape == (3, 2)
    assert mp.zeros(np.int64(3)).shape == mp.zeros((np.int32(3),)).shape == (3,)
    assert mp.pad(a, np.int64(1)).shape == mp.pad(a, (1, 1)).shape == mp.pad(a, [[1, 1], (1, 1)]).shape == (4, 5)
    assert mp.take(a, mp.asarray([-3, 2]), axis=1).shape == (2, 2)
    assert Array(np.ma.array([1.0, 2.0])).tolist() == [1.0, 2.0]
