"""Metrics: against scikit-learn over random data, and the conventions where textbooks leave a choice."""

import functools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet.errors import DataError, DTypeError, MapletWarning, SettingError, ShapeError
from maplet.train import metrics
from maplet.train.metrics import METRICS, Metric, as_metrics, find_metric, higher_is_better

by_class = {"precision": metrics.precision, "recall": metrics.recall, "f1": metrics.f1}
regression = {"mse": metrics.mse, "rmse": metrics.rmse, "mae": metrics.mae, "r2": metrics.r2}


def random_classes(seed, rows, classes, occurring):
    """Scores with many ties, and labels of which some classes may never occur."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 4, (rows, classes)).astype(np.float32)
    return scores, rng.integers(0, occurring, rows)


class_cases = st.builds(
    lambda seed, rows, classes, share: random_classes(seed, rows, classes, max(1, math.ceil(share * classes))),
    st.integers(0, 10**6),
    st.integers(1, 40),
    st.integers(2, 7),
    st.floats(0, 1),
)


@settings(deadline=None)  # the first call imports scikit-learn
@given(class_cases)
def test_class_metrics_agree_with_scikit_learn(case):
    peer = pytest.importorskip("sklearn.metrics")
    scores, target = case
    predicted, classes = scores.argmax(axis=1), scores.shape[1]
    assert metrics.accuracy(scores, target) == pytest.approx(peer.accuracy_score(target, predicted), abs=1e-15)
    expected = peer.confusion_matrix(target, predicted, labels=range(classes))
    assert metrics.confusion_matrix(scores, target).tolist() == expected.tolist()
    for average in ("macro", "micro", "weighted"):
        for name, measure in by_class.items():
            truth = getattr(peer, f"{name}_score")(target, predicted, average=average, zero_division=0)
            assert measure(scores, target, average=average) == pytest.approx(truth, abs=1e-12), (name, average)
            assert find_metric(f"{average}_{name}")(scores, target) == pytest.approx(truth, abs=1e-12)


@given(class_cases)
def test_top_k_agrees_with_scikit_learn_and_top_1_is_accuracy(case):
    peer = pytest.importorskip("sklearn.metrics")
    scores, target = case
    classes = scores.shape[1]
    assert metrics.top_k_accuracy(scores, target, k=1) == metrics.accuracy(scores, target)
    assert metrics.top_k_accuracy(scores, target, k=classes) == 1.0
    for k in range(1, classes if classes > 2 else 1):
        # Of equal scores scikit-learn prefers the last class and we the first, as argmax does: turn the classes round.
        truth = peer.top_k_accuracy_score(classes - 1 - target, scores[:, ::-1], k=k, labels=range(classes))
        assert metrics.top_k_accuracy(scores, target, k=k) == pytest.approx(truth, abs=1e-15)


@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([(-1,), (-1, 1)]))
def test_binary_metrics_of_logits_agree_with_scikit_learn(seed, rows, shape):
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    logits, target = rng.integers(-2, 3, rows).astype(np.float32), rng.integers(0, 2, rows)
    predicted = logits > 0
    given_logits, given_target = logits.reshape(shape), target.reshape(shape).astype(np.float32)
    assert metrics.accuracy(given_logits, given_target) == pytest.approx(peer.accuracy_score(target, predicted))
    for name, measure in by_class.items():
        truth = getattr(peer, f"{name}_score")(target, predicted, zero_division=0)
        assert measure(given_logits, given_target) == pytest.approx(truth, abs=1e-12)
    expected = peer.confusion_matrix(target, predicted, labels=[0, 1])
    assert metrics.confusion_matrix(given_logits, given_target).tolist() == expected.tolist()


@given(st.integers(0, 10**6), st.integers(2, 30), st.sampled_from([(), (1,), (3,)]))
def test_regression_metrics_agree_with_scikit_learn(seed, rows, columns):
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    prediction, target = rng.normal(size=(2, rows, *columns)) * 10 ** rng.uniform(-3, 3)
    assert metrics.mse(prediction, target) == pytest.approx(peer.mean_squared_error(target, prediction))
    assert metrics.mae(prediction, target) == pytest.approx(peer.mean_absolute_error(target, prediction))
    assert metrics.rmse(prediction, target) ** 2 == pytest.approx(peer.mean_squared_error(target, prediction))
    assert metrics.r2(prediction, target) == pytest.approx(peer.r2_score(target, prediction))


def test_r2_of_a_constant_target_is_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    target = np.full(7, 4.0)
    for prediction in (target, target + 1):
        assert metrics.r2(prediction, target) == peer.r2_score(target, prediction)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 / 3])
def test_r2_of_a_constant_target_does_not_hang_on_the_rounding_of_its_mean(value):
    target = np.full(7, value)
    assert metrics.r2(target, target) == 1.0
    assert metrics.r2(target + 1, target) == 0.0


@given(class_cases)
def test_the_confusion_matrix_holds_all_that_the_others_say(case):
    scores, target = case
    matrix = metrics.confusion_matrix(scores, target)
    assert matrix.sum() == len(target)
    assert metrics.accuracy(scores, target) == pytest.approx(np.trace(matrix) / matrix.sum())
    assert metrics.f1(scores, target, average="micro") == pytest.approx(metrics.accuracy(scores, target))


@given(class_cases)
def test_labels_one_hot_and_chosen_classes_say_the_same(case):
    scores, target = case
    one_hot = np.eye(scores.shape[1], dtype=np.float32)[target]
    for name in ("accuracy", "macro_f1", "weighted_precision", "top_2_accuracy"):
        assert find_metric(name)(scores, target) == find_metric(name)(scores, one_hot)
    chosen = scores.argmax(axis=1)
    assert metrics.accuracy(chosen, target) == metrics.accuracy(scores, target)
    assert metrics.f1(chosen, target, average="macro") == metrics.f1(scores, target, average="macro")
    count = scores.shape[1]
    assert (metrics.confusion_matrix(chosen, target, classes=count) == metrics.confusion_matrix(scores, target)).all()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_takes_maplet_arrays_and_returns_a_float(name):
    prediction, target = mp.asarray([[1.0], [-2.0], [3.0]]), mp.asarray([[1.0], [0.0], [1.0]])
    assert type(METRICS[name](prediction, target)) is float


@pytest.mark.parametrize("name", METRICS)
def test_nan_is_never_hidden(name):
    assert math.isnan(METRICS[name](np.array([1.0, np.nan]), np.array([1.0, 0.0])))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_so_when_there_are_no_rows(name):
    with pytest.raises(DataError, match="no rows"):
        METRICS[name](np.zeros(0), np.zeros(0))


@pytest.mark.parametrize("name", METRICS)
def test_no_metric_broadcasts_a_column_against_a_row(name):
    with pytest.raises(ShapeError, match=r"\(3, 1\).*\(3,\)") as caught:
        METRICS[name](np.ones((3, 1)), np.ones(3))
    assert "target.reshape(3, 1)" in str(caught.value)


@pytest.mark.parametrize("name", METRICS)
def test_better_is_better(name):
    """A prediction that is right scores better than one that is wrong, in the direction that the registry tells."""
    target = np.array([1.0, 0.0, 1.0, 0.0])
    right, wrong = METRICS[name](target * 2 - 1, target), METRICS[name](1 - target * 2, target)
    if name in regression:
        right, wrong = METRICS[name](target, target), METRICS[name](-target, target)
    assert right > wrong if higher_is_better(name) else right < wrong


@pytest.mark.parametrize(
    ("prediction", "target", "error", "words"),
    [
        (np.ones((4, 3)), np.ones((4, 1), int), ShapeError, "target.reshape"),
        (np.ones((4, 3)), np.ones(5, int), ShapeError, r"\(4, 3\) and target \(5,\)"),
        (np.ones((4, 3, 2)), np.ones(4, int), ShapeError, r"\(N, C\)"),
        (np.ones((4, 3)), np.array([0, 1, 3, 2]), DataError, "row 2"),
        (np.ones((4, 3)), np.array([0, -1, 0, 2]), DataError, "holds -1"),
        (np.ones((4, 3)), np.array([0, 0.5, 0, 2]), DataError, "holds 0.5"),
        (np.ones((4, 3)), np.array([0, 1, np.nan, 2]), DataError, "row 2"),
        (np.ones((2, 2)), np.array([[1, 0], [np.nan, 0]]), DataError, "row 1"),
        (np.ones(3), np.array([0, 1, 2]), DataError, "0 … 1"),
        (np.ones((2, 2)), np.array(["cat", "dog"]), DTypeError, "encode classes"),
        (np.ones(2, complex), np.ones(2), DTypeError, "complex128"),
    ],
)
def test_what_does_not_fit_is_told(prediction, target, error, words):
    with pytest.raises(error, match=words):
        metrics.accuracy(prediction, target)


def test_a_tie_is_given_to_the_first_class():
    assert metrics.accuracy([[1.0, 1.0]], [0]) == 1.0
    assert metrics.accuracy([0.0], [0]) == 1.0


def test_a_class_that_never_occurs_does_not_pull_the_macro_average_down():
    scores = np.eye(5)[[0, 1, 2]]
    assert metrics.f1(scores, [0, 1, 2], average="macro") == 1.0


def test_half_precision_of_either_kind_is_read():
    dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (np.float16, dtypes.bfloat16):
        assert metrics.accuracy(np.array([[1, 2], [3, 1]], dtype), [1, 0]) == 1.0


def test_probabilities_that_are_read_as_logits_give_a_warning():
    with pytest.warns(MapletWarning, match="ML301") as caught:
        assert metrics.accuracy([0.1, 0.9], [0, 1]) == 0.5
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.accuracy([0.1, 0.9], [0, 1], threshold=0.5) == 1.0
        assert metrics.accuracy([0.1, 0.9], [1, 1]) == 1.0


@pytest.mark.parametrize("k", [0, 4, True, 1.5])
def test_k_is_checked(k):
    with pytest.raises(SettingError, match="1 to 3"):
        metrics.top_k_accuracy(np.ones((2, 3)), [0, 1], k=k)


def test_averages_are_checked():
    with pytest.raises(SettingError, match="two classes"):
        metrics.f1(np.ones((2, 3)), [0, 1], average="binary")
    with pytest.raises(SettingError, match="'macro'"):
        metrics.f1(np.ones((2, 3)), [0, 1], average="mean")
    with pytest.raises(SettingError, match="leave it out"):
        metrics.accuracy(np.ones((2, 3)), [0, 1], threshold=0.5)
    with pytest.raises(SettingError, match="3 at least"):
        metrics.confusion_matrix(np.ones((2, 3)), [0, 1], classes=2)
    with pytest.raises(DataError, match="row 1"):
        metrics.confusion_matrix(np.array([[1, 2], [np.nan, 1]]), [0, 1])


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([*METRICS, "top_5_accuracy"]), st.data())
def test_a_slip_in_a_name_is_answered_by_the_nearest(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    slip = name[:place] + "x" + name[place:]
    with pytest.raises(SettingError, match="there is no metric") as caught:
        find_metric(slip)
    assert "did you mean" in str(caught.value) or len(name) < 4


def test_functions_names_and_metrics_are_all_taken():
    def spread(prediction, target):
        return np.float32(np.std(prediction - target))

    strict = functools.partial(metrics.accuracy, threshold=0.5)
    own = Metric("own", lambda prediction, _: mp.asarray(prediction).max(), higher_is_better=True)
    found = as_metrics(["top_3_accuracy", metrics.mae, spread, own])
    assert list(found) == ["top_3_accuracy", "mae", "spread", "own"]
    assert [metric.higher_is_better for metric in found.values()] == [True, False, None, True]
    assert type(found["spread"](np.ones(2), np.ones(2))) is float
    assert type(found["own"](np.ones(2), np.ones(2))) is float
    assert as_metrics([strict])["accuracy"]([0.1, 0.9], [0, 1]) == 1.0
    assert as_metrics([strict])["accuracy"].higher_is_better


@pytest.mark.parametrize(
    ("given_metrics", "words"),
    [
        ("accuracy", "a list was expected"),
        (["f1", metrics.f1], "two metrics"),
        ([lambda *_: 0.0], "has no name"),
        ([Metric("loss", metrics.mae)], "history uses"),
        ([Metric("val_mae", metrics.mae)], "history uses"),
        ([3], "is no metric"),
        (["top_0_accuracy"], "no metric"),
    ],
)
def test_metrics_that_cannot_be_kept_apart_are_refused(given_metrics, words):
    with pytest.raises(SettingError, match=words):
        as_metrics(given_metrics)


def test_a_metric_that_returns_an_array_is_named():
    with pytest.raises(SettingError, match=r"'errors' returned ndarray of shape \(2,\)"):
        Metric("errors", lambda p, t: p - t)(np.ones(2), np.ones(2))


def test_the_direction_is_known_for_every_column_of_a_history():
    assert [higher_is_better(name) for name in ("loss", "val_loss", "test_r2", "val_top_5_accuracy")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert higher_is_better("cross_entropy") is False
    assert higher_is_better("learning_rate") is None
