"""Laws that hold for every layer: derivatives, saving as data, modes, dtypes; and what the plainest of them refuse."""

import inspect
import json
import re
from functools import cache

import numpy as np
import pytest

import maplet as mp
from layer_examples import arrays, as_inputs, assert_equal, every_layer, every_layer_in_time, examples, some_elements
from maplet import nn
from maplet.errors import DataError, DTypeError, MapletError, SettingError, ShapeError
from maplet.nn.activations import activations
from maplet.nn.construction import constructor_parameters
from maplet.nn.module import built_in

pytestmark = pytest.mark.usefixtures("same_weights")


def test_every_layer_has_an_example():
    assert set(examples) == set(built_in) - {"Lambda"}  # which is no data: test_nn_combinators.py
    assert {cls.__name__ for cls in activations.values()} <= set(examples)


@pytest.mark.parametrize("name", examples)
def test_a_flag_or_number_of_a_constructor_is_nothing_else(name):
    """``bias="no"`` would be taken for true, and ``dropout="0.1"`` be compared with numbers, at some later time."""
    kind, settings = built_in[name], examples[name][0][0]().settings()
    for setting, parameter in constructor_parameters(kind).items():
        if not isinstance(parameter.default, bool | float):
            continue
        for wrong in ("no", None, mp.ones((2,))):
            with pytest.raises(SettingError, match=f"{setting}=.*: expected (True|a finite)"):
                kind(**{**settings, setting: wrong})


@every_layer_in_time
@some_elements
def test_gradients_agree_with_central_differences(make, x, most):
    xs = list(x) if isinstance(x, tuple) else [x]
    report = mp.check_gradient(lambda net, xs: net(*xs), make(), xs, max_entries=most)
    assert report.passed, str(report)


@every_layer
def test_a_description_is_json_and_builds_the_same_layer(make, x):
    net = make()
    description = json.loads(json.dumps(nn.describe(net)))
    built = nn.build(description)
    assert repr(built) == repr(net)
    built.load_state(net.state())
    xs = as_inputs(x, "float32")
    for _ in range(2):
        assert_equal(built(*xs), net(*xs))
    assert nn.describe(built) == description


@every_layer
def test_loading_without_drawing_weights_gives_the_same_layer(make, x):
    net = make()
    state = mp.random.default.draws.item()
    built = nn.build(nn.describe(net), initialize=False).load_state(net.state())
    assert mp.random.default.draws.item() == state
    assert repr(built) == repr(net)
    xs = as_inputs(x, "float32")
    assert_equal(built(*xs), net(*xs))


@every_layer_in_time
def test_what_is_saved_to_a_file_is_loaded_with_the_same_bits(make, x, tmp_path):
    net, xs = make(), as_inputs(x, "float32")
    net(*xs)  # so that running averages and the state of generators are not as they began
    mp.save(net, tmp_path / "net")
    loaded = mp.load(tmp_path / "net").net.train()
    assert repr(loaded) == repr(net)
    assert_equal(loaded.state(), net.state())
    assert_equal(loaded(*xs), net(*xs))


@cache
def looks_at_the_mode(kind):
    """Whether a layer computes one thing while it is trained and another at inference."""
    own = [cls for cls in kind.__mro__ if cls.__module__.startswith("maplet.nn.") and cls is not nn.Module]
    return any("self.training" in inspect.getsource(cls) for cls in own)


def test_what_looks_at_the_mode_says_so():
    kinds = [kind for kind in built_in.values() if looks_at_the_mode(kind)]
    assert kinds
    for kind in kinds:
        words = " ".join(cls.__doc__ or "" for cls in kind.__mro__)
        assert re.search("training|trained|inference", words), kind


@pytest.mark.parametrize("kind", built_in.values())
def test_a_constructor_is_short(kind):
    """Besides what every layer with weights takes, there are seven arguments at most."""
    common = {"self", "bias", "weight_init", "bias_init", "rng"}
    assert len(inspect.signature(kind.__init__).parameters.keys() - common) <= 7


@every_layer
def test_training_and_inference_differ_where_it_is_said(make, x):
    net, xs = make(), as_inputs(x, "float32")
    trained, inferred = net.train()(*xs), net.eval()(*xs)
    assert_equal(inferred, net(*xs))
    if isinstance(net, nn.SpectralNorm):  # whose vectors have moved by what is left to settle
        np.testing.assert_allclose(trained, inferred, rtol=1e-5, atol=1e-6)
        return
    same = all(map(np.array_equal, arrays(trained), arrays(inferred)))
    looks = [part for part in net.modules().values() if looks_at_the_mode(type(part))]
    assert same != any(getattr(part, "rate", 1) > 0 for part in looks)


@every_layer_in_time
def test_vmap_and_jit_give_what_the_layer_itself_gives(make, x):
    net = make().astype("float64").eval()
    both = [mp.stack([one, mp.flip(one, axis=0)]) for one in as_inputs(x, "float64")]
    expected = [arrays(net(*[one[n] for one in both])) for n in range(2)]

    def by_rows(net, *xs):
        return arrays(mp.vmap(net)(*xs))

    for found in (by_rows(net, *both), mp.jit(by_rows)(net, *both)):
        for one, first, second in zip(found, *expected, strict=True):
            np.testing.assert_allclose(one, np.stack([first, second]), rtol=1e-12, atol=1e-13)


@every_layer
def test_there_is_nothing_to_lint(make, x):
    def loss(net, *xs):
        return sum(mp.mean(mp.square(one - 0.3)) for one in arrays(net(*xs)))

    assert mp.lint(loss, batch=(make(), *as_inputs(x, "float32"))) == []


@every_layer_in_time
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 0.004), ("bfloat16", 0.03), ("float32", 0), ("float64", 0)]
)
def test_the_dtype_is_kept_and_halves_are_near_to_what_float32_gives(make, x, dtype, tolerance):
    net = make().eval()
    half = nn.build(nn.describe(net)).load_state(net.state()).eval().astype(dtype)
    given = arrays(half(*as_inputs(x, dtype)))
    assert {array.dtype for array in given} == {mp.asarray(0.0, dtype=dtype).dtype}
    assert {leaf.dtype for leaf in half.state().values() if leaf.dtype.kind in "fV"} <= {given[0].dtype}
    if not tolerance:
        return
    net.load_state(half.astype("float32").state())  # whose weights are rounded, too
    exact = arrays(net(*[one if one.dtype.kind == "i" else one.astype("float32") for one in as_inputs(x, dtype)]))
    for one, other in zip(given, exact, strict=True):
        scale = max(1.0, float(mp.max(mp.abs(other))))
        np.testing.assert_allclose(one.astype("float32"), other, rtol=tolerance, atol=scale * tolerance)


@every_layer
def test_integers_are_numbers_too(make, x):
    """What a layer makes of integers is what it makes of the same numbers in float32; tables take one of them alone."""
    net = make().eval()
    whole = [np.round(one).astype(np.int32) for one in (x if isinstance(x, tuple) else (x,))]
    real = [one.astype(np.float32) for one in whole]
    if isinstance(net, nn.Embedding | nn.EmbedColumns):
        with pytest.raises(DTypeError, match=f"^{type(net).__name__}.* takes (integers|floating numbers)"):
            net(*(real if isinstance(net, nn.Embedding) else whole))
        return
    for one, other in zip(arrays(net(*whole)), arrays(net(*real)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


# ── Sequential ───────────────────────────────────────────────────────────────────────────────────


def test_sequential_is_a_sequence():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), mp.tanh)
    assert len(net) == 3
    assert list(net) == net.layers
    assert net[-1] is mp.tanh
    assert net[:2].layers == net.layers[:2]
    assert net[:1][0].weight is net[0].weight
    assert len(nn.Sequential()) == 0
    x = mp.asarray([1.0, 2.0])
    np.testing.assert_array_equal(net(x), mp.tanh(mp.relu(net[0](x))))


@pytest.mark.parametrize(
    ("given", "fix"),
    [(nn.ReLU, r"write ReLU\(\.\.\.\)"), ([nn.ReLU()], "unpack a list"), (3, "a layer, or")],
)
def test_sequential_takes_layers_only(given, fix):
    with pytest.raises(SettingError, match=f"argument 1 is (?s:.*){fix}"):
        nn.Sequential(nn.Tanh(), given)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((32, 65), "in_features=65"),
        ((32, 8, 8), r"put Flatten\(\) before it"),
        ((64, 32), "transpose the input"),
        ((), "give an array"),
    ],
)
def test_linear_says_what_it_takes_and_how_to_mend_it(shape, fix):
    with pytest.raises(ShapeError, match=fix) as caught:
        nn.Linear(64, 16)(mp.zeros(shape))
    assert caught.value.message == f"Linear(64, 16) takes (…, 64), given {shape}"
    assert caught.value.where.startswith("test_nn_layers.py:")


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", None, True])
def test_features_are_positive_integers(wrong):
    for make in (nn.Linear, nn.Embedding):
        with pytest.raises(SettingError, match="expected an integer ≥ 1"):
            make(wrong, 3)
        with pytest.raises(SettingError, match="expected an integer ≥ 1"):
            make(3, wrong)


def test_features_may_be_integers_of_numpy():
    net = nn.Linear(np.int32(2), np.int64(3))
    assert repr(net) == "Linear(2, 3)"
    json.dumps(nn.describe(net))


@pytest.mark.parametrize(("given", "word"), [([0, 6], r"x\[1\] is 6"), ([[1], [-1]], r"x\[1, 0\] is -1")])
def test_embedding_names_the_code_that_it_has_no_row_for(given, word):
    with pytest.raises(DataError, match=r"Embedding\(6, 2\) has rows 0 to 5, but " + word):
        nn.Embedding(6, 2)(mp.asarray(given))


def test_embedding_takes_integers():
    with pytest.raises(DTypeError, match="takes integers, given f32"):
        nn.Embedding(6, 2)(mp.asarray([1.0]))


def test_flatten_takes_a_batch():
    with pytest.raises(MapletError, match="given a single number"):
        nn.Flatten()(1.0)


def test_integers_and_float64_meet_the_weights():
    layer = nn.Linear(2, 3)
    images = np.array([[0, 255]], dtype=np.uint8)
    assert layer(images).dtype == np.float32
    np.testing.assert_array_equal(layer(images), layer(images.astype("float32")))
    assert layer(images.astype("float64")).dtype == np.float64
