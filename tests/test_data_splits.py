"""Splits, permutations, batches and checks of arrays."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maplet.data import batch_slices, check_array, permutation, split
from maplet.errors import DataError, SettingError

FRACTIONS = (0.7, 0.15, 0.15)
seeds = st.integers(0, 2**64 - 1)


@given(n=st.integers(3, 300), seed=seeds)
def test_every_row_is_in_exactly_one_part(n, seed):
    parts = split(n, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    for part, fraction in zip(parts, FRACTIONS, strict=True):
        assert part.dtype == np.int64
        assert part.tolist() == sorted(part.tolist())
        assert len(part) >= 1
        assert abs(len(part) - n * fraction) < 1 or n < 7


@settings(max_examples=200)
@given(labels=st.lists(st.sampled_from("aaaabbc"), min_size=3, max_size=120), seed=seeds)
def test_stratified_split_keeps_the_classes(labels, seed):
    counts = Counter(labels)
    if max(counts.values()) < 3:
        with pytest.raises(DataError, match="validation part would be empty"):
            split(len(labels), seed=seed, labels=labels)
        return
    parts = split(len(labels), seed=seed, labels=labels)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for label, count in counts.items():
        sizes = [sum(labels[row] == label for row in part) for part in parts]
        if count < 3:
            assert sizes == [count, 0, 0]
        else:
            assert min(sizes) >= 1
            for size, fraction in zip(sizes, FRACTIONS, strict=True):
                assert abs(size - count * fraction) < 2


def test_rounding_favours_no_part():
    labels = [label for label in range(100) for _ in range(10)]
    train, validation, test = split(1000, labels=labels)
    assert (len(train), len(validation), len(test)) == (700, 150, 150)


def test_split_depends_on_its_arguments_only():
    np.random.seed(0)  # noqa: NPY002  (the global state is what must not matter)
    first = split(50, seed=3)
    np.random.seed(1)  # noqa: NPY002  (the global state is what must not matter)
    for one, other in zip(first, split(50, seed=3), strict=True):
        assert one.tolist() == other.tolist()
    assert first[0].tolist() != split(50, seed=4)[0].tolist()
    names = ["b", "a"] * 25
    renamed = [{"a": 1, "b": 0}[name] for name in names]
    for one, other in zip(split(50, labels=names), split(50, labels=np.array(renamed)), strict=True):
        assert one.tolist() == other.tolist()


def test_split_and_shuffling_share_no_random_numbers():
    assert split(50, (0.5, 0.5, 0), seed=3)[0].tolist() != sorted(permutation(50, 3, 0)[:25].tolist())


def test_a_part_may_be_left_out():
    train, validation, test = split(10, (0.8, 0.2, 0), labels=[0] * 5 + [1] * 5)
    assert (len(train), len(validation), len(test)) == (8, 2, 0)


@pytest.mark.parametrize(
    "fractions", [(0.7, 0.3), (0.7, 0.15, 0.2), (-0.1, 0.6, 0.5), (0, 0.5, 0.5), (float("nan"), 0.5, 0.5)]
)
def test_fractions_out_of_range(fractions):
    with pytest.raises(SettingError, match=r"three numbers ≥ 0 with sum 1"):
        split(10, fractions)


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(DataError, match="1 given, 3 needed"):
        split(1)
    with pytest.raises(DataError, match="0 given, 2 needed"):
        split(0, (0.5, 0.5, 0))
    with pytest.raises(DataError, match="3 labels were given for 4 rows"):
        split(4, labels="abc")


@given(n=st.integers(0, 500), seed=seeds, epoch=seeds)
def test_a_permutation_holds_each_row_once(n, seed, epoch):
    order = permutation(n, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert order.tolist() == permutation(n, seed, epoch).tolist()


def test_permutations_of_other_epochs_and_seeds_differ():
    orders = {tuple(permutation(30, seed, epoch).tolist()) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_a_permutation_is_uniform():
    counts = Counter(tuple(permutation(3, 0, epoch).tolist()) for epoch in range(3000))
    assert len(counts) == 6
    # 500 each, with a standard deviation of about 20.
    assert all(400 < count < 600 for count in counts.values())


def test_a_permutation_is_the_same_for_ever():
    assert permutation(8, seed=1, epoch=2).tolist() == [4, 2, 0, 6, 1, 5, 7, 3]


@given(n=st.integers(0, 200), batch_size=st.integers(1, 70))
def test_batches_cut_the_rows_without_gap_or_overlap(n, batch_size):
    slices = batch_slices(n, batch_size)
    assert [row for piece in slices for row in range(n)[piece]] == list(range(n))
    sizes = [piece.stop - piece.start for piece in slices]
    assert all(size == batch_size for size in sizes[:-1])
    assert all(1 <= size <= batch_size for size in sizes[-1:])


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, 32.0, "32", None, True])
def test_batch_size_out_of_range(batch_size):
    with pytest.raises(SettingError, match=r"batch_size=.*: expected an integer ≥ 1") as caught:
        batch_slices(10, batch_size)
    assert repr(batch_size) in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_seed_out_of_range(seed):
    for call in (lambda: permutation(3, seed, 0), lambda: split(3, seed=seed)):
        with pytest.raises(SettingError, match=r"seed=.*: expected an integer from 0 to"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("shape", "at", "place"),
    [((5,), (3,), "row 3 "), ((5, 4), (2, 1), "row 2, column 1 "), ((5, 4, 2), (4, 3, 1), "row 4, column (3, 1) ")],
)
def test_a_number_that_is_not_finite_is_named(bad, shape, at, place):
    array = np.ones(shape, dtype=np.float32)
    check_array("x", array)
    array[at] = bad
    with pytest.raises(DataError) as caught:
        check_array("x", array)
    assert f"x holds {np.float32(bad)}" in str(caught.value)
    assert place in str(caught.value)
    assert f"1 of {array.size}" in str(caught.value)


def test_bfloat16_is_checked_too():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    check_array("x", np.ones(3, dtype=ml_dtypes.bfloat16))
    with pytest.raises(DataError, match="row 1"):
        check_array("x", np.array([1, np.nan], dtype=ml_dtypes.bfloat16))


@pytest.mark.parametrize(
    ("array", "fact"),
    [
        (np.array(["a"]), "<U1"),
        (np.array([None]), "object"),
        (np.array([1j]), "complex128"),
        (np.zeros(2, dtype=[("a", "f4")]), "real numbers were expected"),
        (np.array(1.0), "no rows"),
        (np.zeros((0, 3)), r"\(0, 3\) has no rows"),
    ],
)
def test_arrays_that_hold_no_numbers(array, fact):
    with pytest.raises(DataError, match=fact):
        check_array("x", array)


def test_integers_and_bools_are_fine():
    check_array("x", np.array([1, 2]))
    check_array("x", np.array([True]))
