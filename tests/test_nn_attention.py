"""Attention, positions and transformers: what they see and do not see, caches, PyTorch, and a net that learns."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.graph import in_order
from maplet.core.tree import leaves
from maplet.errors import DTypeError, MapletError, PositionError, SettingError, ShapeError

random = np.random.default_rng(0)
beginning = random.bit_generator.state


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_order():
    random.bit_generator.state = beginning


def draw(*shape, dtype="float32"):
    return mp.asarray(random.normal(size=shape), dtype=dtype)


def assert_near(found, expected, tolerance=2e-6):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


def plain(query, key, value, seen=None):
    """Attention by the formula, one head and one query after another, in float64."""
    q, k, v = (np.asarray(x, dtype=np.float64) for x in (query, key, value))
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    share = q.shape[-2] // k.shape[-2]
    for t, h in np.ndindex(q.shape[0], q.shape[1]):
        scores = k[:, h // share] @ q[t, h] / np.sqrt(q.shape[-1])
        visible = np.ones(len(k), bool) if seen is None else np.broadcast_to(seen, (q.shape[1], len(q), len(k)))[h, t]
        if visible.any():
            powers = np.where(visible, np.exp(scores - scores[visible].max()), 0)
            out[t, h] = powers / powers.sum() @ v[:, h // share]
    return out


# ── the function ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("heads", "groups"), [(1, 1), (4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("compiled", [False, True])
def test_attention_is_its_formula(heads, groups, compiled):
    q, k, v = draw(5, heads, 3), draw(7, groups, 3), draw(7, groups, 2)
    seen = random.random((heads, 5, 7)) < 0.5
    run = mp.jit(nn.attention) if compiled else nn.attention
    assert_near(run(q, k, v), plain(q, k, v))
    assert_near(run(q, k, v, mask=seen[0]), plain(q, k, v, seen[0]))
    assert_near(run(q, k, v, mask=mp.asarray(seen)), plain(q, k, v, seen))
    assert_near(run(q, k, v, mask=np.where(seen, 0.0, -np.inf).astype("float32")), plain(q, k, v, seen))
    assert_near(run(q, k[:5], v[:5], causal=True), plain(q, k[:5], v[:5], np.tril(np.ones((5, 5), bool))))


def test_axes_in_front_are_one_batch_and_vmap_is_another():
    q, k, v = draw(2, 3, 5, 2, 4), draw(2, 3, 6, 2, 4), draw(2, 3, 6, 2, 4)
    y = nn.attention(q, k, v)
    assert_near(mp.vmap(nn.attention)(q, k, v), y)
    for m, n in np.ndindex(2, 3):
        assert_near(y[m, n], plain(q[m, n], k[m, n], v[m, n]))


@pytest.mark.parametrize("kind", [bool, float])
@pytest.mark.parametrize("compiled", [False, True])
def test_who_may_see_nothing_gets_zero_and_sends_no_nan(kind, compiled):
    q, k, v = draw(2, 4, 2, 3), draw(2, 5, 2, 3), draw(2, 5, 2, 3)
    seen = random.random((2, 1, 4, 5)) < 0.5
    seen[0, :, 2], seen[0, :, 1, 0] = False, True
    mask = mp.asarray(seen if kind is bool else np.where(seen, 0.0, -np.inf).astype("float32"))

    def run(q, k, v):
        y, pullback = mp.vjp(lambda *xs: nn.attention(*xs, mask=mask), q, k, v)
        return y, pullback(mp.ones(y.shape))

    y, gradients = (mp.jit(run) if compiled else run)(q, k, v)
    assert not np.asarray(y[0, 2]).any()
    assert not np.asarray(gradients[0][0, 2]).any()
    for x in (y, *gradients):
        assert np.isfinite(x).all()
    assert np.asarray(y[0, 1]).any()
    assert mp.check_gradient(lambda q, k, v: nn.attention(q, k, v, mask=mask), q, k, v).passed


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("bfloat16", 2e-2), ("float64", 1e-12)])
def test_dtypes_are_kept_and_the_weights_of_halves_are_float32(dtype, tolerance):
    q, k, v = (draw(5, 2, 4).astype(dtype) for _ in range(3))
    y = nn.attention(q, k, v, causal=True)
    assert y.dtype == q.dtype
    seen = np.tril(np.ones((5, 5), bool))
    assert_near(y.astype("float64"), plain(*(x.astype("float64") for x in (q, k, v)), seen), tolerance)
    many = mp.zeros((70000, 1, 1), dtype="float16")  # float16 cannot count so far
    assert_near(nn.attention(many[:1], many, many + 1), [[[1.0]]], 1e-3)


@pytest.mark.parametrize("masked", [None, "causal", "boolean", "added"])
def test_attention_agrees_with_pytorch(masked):
    torch = pytest.importorskip("torch")
    q, k, v = draw(2, 5, 4, 3, dtype="float64"), *(draw(2, 5, 2, 3, dtype="float64") for _ in range(2))
    mask = {"boolean": random.random((2, 1, 5, 5)) < 0.7, "added": random.normal(size=(5, 5))}.get(masked)
    y, pullback = mp.vjp(lambda *xs: nn.attention(*xs, mask=mask, causal=masked == "causal"), q, k, v)
    theirs = [torch.tensor(x.numpy().copy(), requires_grad=True) for x in (q, k, v)]
    peer = torch.nn.functional.scaled_dot_product_attention(
        *[x.transpose(1, 2) for x in theirs],
        attn_mask=None if mask is None else torch.tensor(mask),
        is_causal=masked == "causal",
        enable_gqa=True,
    ).transpose(1, 2)
    assert_near(y, peer.detach(), 1e-12)
    weights = random.normal(size=y.shape)
    (peer * torch.tensor(weights)).sum().backward()
    for gradient, x in zip(pullback(weights), theirs, strict=True):
        assert_near(gradient, x.grad, 1e-12)


def test_dropped_weights_are_those_of_the_function_given():
    q, k, v = draw(3, 2, 4), draw(5, 2, 4), draw(5, 2, 4)
    shapes = []
    y = nn.attention(q, k, v, dropout=lambda weights: shapes.append(weights.shape) or weights * 2)
    assert shapes == [(2, 3, 5)]
    assert_near(y, 2 * plain(q, k, v))
    layer = nn.MultiHeadAttention(8, 2, dropout=0.5)
    x = draw(3, 8)
    assert not np.array_equal(layer(x), layer(x))
    np.testing.assert_array_equal(layer.eval()(x), layer(x))


def test_numbers_added_to_the_scores_have_a_gradient():
    x, bias = draw(5, 2, 4), draw(2, 5, 5)
    report = mp.check_gradient(lambda x, bias: nn.attention(x, x, x, mask=bias, causal=True), x, bias)
    assert report.passed, str(report)
    assert np.asarray(mp.grad(lambda bias: mp.sum(nn.attention(x, x, x * x, mask=bias)))(bias)).all()


# ── who sees whom ────────────────────────────────────────────────────────────────────────────────


def turning(rng, **settings):
    """Attention that knows positions by turning queries and keys."""
    return nn.MultiHeadAttention(8, 2, positions=nn.RotaryPositions(), rng=rng, **settings)


layers = {
    "attention": lambda: nn.MultiHeadAttention(8, 4, rng=0),
    "grouped": lambda: nn.MultiHeadAttention(8, 4, key_value_heads=2, positions=nn.RotaryPositions(), rng=0),
    "encoder layer": lambda: nn.TransformerEncoderLayer(8, 2, norm_first=False, rng=0),
    "encoder": lambda: nn.TransformerEncoder(
        *[nn.TransformerEncoderLayer(8, turning(n), rng=n) for n in range(2)], norm=nn.LayerNorm(8)
    ),
}
every_layer = pytest.mark.parametrize("make", layers.values(), ids=layers)


@every_layer
@pytest.mark.parametrize("compiled", [False, True])
def test_a_causal_layer_does_not_see_the_future(make, compiled):
    net = make()
    run = mp.jit(lambda net, x: net(x, causal=True)) if compiled else lambda net, x: net(x, causal=True)
    x = draw(2, 6, 8)
    before = run(net, x).numpy()
    for t in range(1, 6):
        changed = mp.asarray(x)
        changed[:, t] = draw(8) * 100
        after = run(net, changed).numpy()
        np.testing.assert_array_equal(after[:, :t], before[:, :t])
        assert not np.array_equal(after[:, t], before[:, t])


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


@every_layer
def test_a_step_is_compiled_once_and_so_is_the_prefill(make):
    net, x = make(), draw(2, 9, 8)
    whole = net(x, causal=True)
    step = mp.jit(lambda net, cache, x: net(x, causal=True, cache=cache))
    cache = net.new_cache(2, length=9)
    assert_near(step(net, cache, x[:, :4]), whole[:, :4], 5e-6)
    for t in range(4, 9):
        assert_near(step(net, cache, x[:, t : t + 1]), whole[:, t : t + 1], 5e-6)
    assert step.compilations == 2  # that of four tokens, and that of one
    assert [int(own.position) for own in (cache if isinstance(cache, list) else [cache])] == [9] * len(
        getattr(net, "layers", [net])
    )


def test_a_whole_generation_can_be_one_program():
    net, x = layers["encoder"](), draw(2, 5, 8)

    @mp.jit
    def run(net, cache, x):
        def turn(_, token):
            y = net(mp.expand_dims(token, axis=1), causal=True, cache=cache)[:, 0]
            return y, y

        return mp.scan(turn, x[:, 0], mp.moveaxis(x, 1, 0))[1]

    cache = net.new_cache(2, 5)
    assert_near(mp.moveaxis(run(net, cache, x), 0, 1), net(x, causal=True), 5e-6)
    assert [int(own.position) for own in cache] == [5, 5]


def test_a_decoder_with_caches_is_the_whole_decoder():
    net = nn.TransformerDecoder(*[nn.TransformerDecoderLayer(8, 2, rng=n) for n in range(2)], norm=nn.LayerNorm(8))
    x, memory = draw(2, 5, 8), draw(2, 3, 8)
    cache = net.new_cache(memory, 5)
    step = mp.jit(lambda net, cache, x: net(x, cache=cache))
    found = [step(net, cache, x[:, t : t + 1]) for t in range(5)]
    assert_near(mp.concat(found, axis=1), net(x, memory), 5e-6)
    assert step.compilations == 1
    for own in cache:
        own.reset()
    np.testing.assert_array_equal(step(net, cache, x[:, :1]), found[0])


def test_the_memory_of_a_cache_is_projected_once():
    net, memory = nn.TransformerDecoderLayer(8, 2, rng=0), draw(2, 3, 8)
    cache = net.new_cache(memory, 5)
    graph = mp.trace(lambda net, cache, x: net(x, cache=cache), net, cache, draw(2, 1, 8))
    before = {name for name, node in zip(argument_leaves(net), graph.inputs, strict=False) if node in reached(graph)}
    unread = {f"memory_attention.{part}.{name}" for part in ("key", "value") for name in ("weight", "bias")}
    assert before == set(net.parameters()) - unread


def argument_leaves(net):
    """The names of the first inputs of a graph whose first argument is a net."""
    return list(leaves(net))


def reached(graph):
    return set(in_order(graph.outputs))


def test_what_was_projected_before_is_what_is_projected_now():
    for net in (nn.MultiHeadAttention(8, 4, key_value_heads=2, rng=0), turning(0)):
        x, keys, values = draw(2, 3, 8), draw(2, 5, 8), draw(2, 5, 8)
        np.testing.assert_array_equal(net(x, net.project(keys)), net(x, keys))
        np.testing.assert_array_equal(net(x, net.project(keys, values)), net(x, keys, values))


def test_without_causal_the_tokens_of_a_piece_see_each_other_and_a_mask_hides_places():
    net, x = nn.MultiHeadAttention(8, 2, rng=0), draw(1, 5, 8)
    cache = net.new_cache(1, 7)
    assert_near(net(x[:, :3], cache=cache), net(x[:, :3]))
    first_hidden = mp.arange(7) > 0
    last = net(x[:, 3:], cache=cache, mask=mp.reshape(first_hidden, (1, 1, 1, 7)))
    assert_near(last, net(x[:, 1:])[:, 2:])


def test_a_full_cache_says_so_and_can_begin_anew():
    net, x = nn.MultiHeadAttention(8, 2, rng=0), draw(1, 4, 8)
    cache = net.new_cache(1, 6)
    first = net(x, causal=True, cache=cache).numpy()
    with pytest.raises(ShapeError, match="a cache for 6 tokens: 4 are in it, 4 are to come"):
        net(x, cache=cache)
    with pytest.raises(PositionError):
        mp.jit(lambda net, cache, x: net(x, cache=cache))(net, cache, x)
    with pytest.raises(ShapeError, match=r"a mask is of shape \(1, 6\)"):
        net(x[:, :1], cache=cache, mask=mp.ones((1, 5), dtype=bool))
    assert int(cache.position) == 4
    cache.reset()
    np.testing.assert_array_equal(net(x, causal=True, cache=cache), first)


def test_a_cache_takes_what_it_was_made_for():
    net = nn.MultiHeadAttention(8, 2)
    with pytest.raises(ShapeError, match=r"this cache takes \(2, T, 2, 4\), given \(3, 1, 2, 4\)"):
        net(draw(3, 1, 8), cache=net.new_cache(2, 5))
    with pytest.raises(DTypeError, match="a cache of f32 is given f64"):
        net(draw(2, 1, 8, dtype="float64"), cache=net.new_cache(2, 5))
    with pytest.raises(SettingError, match="to itself, and keys are given"):
        net(draw(2, 1, 8), draw(2, 1, 8), cache=net.new_cache(2, 5))
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2))
    with pytest.raises(SettingError, match="a list of 1, one for each layer"):
        stack(draw(2, 1, 8), cache=net.new_cache(2, 5))
    assert net.astype("float64").new_cache((2, 3), 5).keys.type == draw(2, 3, 5, 2, 4, dtype="float64").type


# ── positions ────────────────────────────────────────────────────────────────────────────────────


def test_sinusoidal_positions_are_their_formula():
    layer = nn.SinusoidalPositions(6)
    found = layer(mp.zeros((2, 50, 6))).numpy()
    for t, i in np.ndindex(50, 3):
        angle = t / 10000 ** (2 * i / 6)
        assert_near(found[:, t, 2 * i], [np.sin(angle)] * 2, 1e-7)
        assert_near(found[:, t, 2 * i + 1], [np.cos(angle)] * 2, 1e-7)
    np.testing.assert_array_equal(layer(mp.zeros((3, 6)), start=mp.asarray(40)), found[0, 40:43])


def test_learned_positions_are_rows_of_their_table():
    layer = nn.LearnedPositions(9, 4)
    x = draw(2, 5, 4)
    assert_near(layer(x), x.numpy() + layer.weight.numpy()[:5])
    for start in (3, mp.asarray(3)):
        assert_near(layer(x, start=start), x.numpy() + layer.weight.numpy()[3:8])
    assert layer(mp.zeros((5, 4), dtype="float64")).dtype == np.float64


def test_a_sequence_longer_than_the_table_is_refused():
    layer = nn.LearnedPositions(9, 4)
    with pytest.raises(ShapeError, match=r"has positions 0 to 8, given 10 tokens\n(?s:.*)LearnedPositions\(10, …\)"):
        layer(draw(10, 4))
    for start in (5, mp.asarray(5)):
        with pytest.raises(ShapeError, match="given 5 tokens from position 5 on"):
            layer(draw(5, 4), start=start)
    with pytest.raises(PositionError):
        mp.jit(lambda x, start: layer(x, start=start))(draw(5, 4), mp.asarray(5))


def test_turned_products_depend_on_the_distance_alone():
    turned = nn.RotaryPositions()
    q, k = draw(1, 1, 6, dtype="float64"), draw(1, 1, 6, dtype="float64")

    def product(t, s):
        return float(mp.sum(turned(q, start=t) * turned(k, start=s)))

    for t, s in [(0, 3), (5, 1), (1000, 1007)]:
        assert product(t, s) == pytest.approx(product(t + 12345, s + 12345), rel=1e-9)
        assert product(t, s) != pytest.approx(product(t, s + 1), rel=1e-3)
    assert product(7, 7) == pytest.approx(float(mp.sum(q * k)), rel=1e-12)


def test_rotation_is_that_of_complex_numbers():
    x = draw(2, 5, 3, 8, dtype="float64")
    numbers = x.numpy()[..., :4] + 1j * x.numpy()[..., 4:]
    turned = numbers * np.exp(1j * (np.arange(5) + 2)[:, None, None] / 100 ** (np.arange(4) / 4))
    layer = nn.RotaryPositions(base=100.0)
    assert_near(layer(x, start=2), np.concatenate([turned.real, turned.imag], axis=-1), 1e-12)
    assert layer(x.astype("float16")).dtype == np.float16


# ── layers ──────────────────────────────────────────────────────────────────────────────────────


@every_layer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-2), ("bfloat16", 1e-1)])
def test_a_net_of_halves_is_near_the_one_it_was_made_of(make, dtype, tolerance):
    net, x = make(), draw(2, 5, 8)
    expected = net(x, causal=True).numpy()
    found = net.astype(dtype)(x.astype(dtype), causal=True)
    assert found.dtype == x.astype(dtype).dtype
    assert_near(found.astype("float32"), expected, tolerance)


def test_compiled_layers_drop_what_plain_ones_do():
    make = lambda: nn.TransformerDecoderLayer(8, 2, dropout=0.3, rng=0).astype("float64")
    x, memory = draw(2, 5, 8, dtype="float64"), draw(2, 3, 8, dtype="float64")
    plain, compiled = make(), make()

    def gradients(net, x, memory):
        return mp.grad(lambda net: mp.sum(net(x, memory) ** 2))(net)

    run = mp.jit(gradients)
    for _ in range(2):
        expected = gradients(plain, x, memory)
        for name, gradient in run(compiled, x, memory).items():
            assert_near(gradient, expected[name], 1e-12)
    assert_near(compiled(x, memory), plain(x, memory), 1e-5)


# ── training ─────────────────────────────────────────────────────────────────────────────────────


class Gpt(nn.Module):
    """The smallest model of language: tokens and positions, two layers, and the next token."""

    def __init__(self, tokens, length, features=32):
        self.tokens = nn.Embedding(tokens, features, rng=0)
        self.positions = nn.LearnedPositions(length, features, rng=1)
        self.layers = nn.TransformerEncoder(
            *[nn.TransformerEncoderLayer(features, 4, rng=n) for n in (2, 3)], norm=nn.LayerNorm(features)
        )
        self.head = nn.Linear(features, tokens, rng=4)

    def forward(self, x, cache=None):
        start = 0 if cache is None else cache[0].position
        return self.head(self.layers(self.positions(self.tokens(x), start=start), causal=True, cache=cache))


@pytest.mark.slow
def test_a_small_gpt_learns_to_copy_and_generates_with_its_cache():
    half, generator = 6, np.random.default_rng(0)
    net, optimizer = Gpt(8, 2 * half), optim.Adam(learning_rate=3e-3)

    @mp.jit
    def step(net, optimizer, words):
        def loss(net):
            logits = net(words[:, :-1])[:, half - 1 :]
            return nn.cross_entropy(logits, words[:, half:])

        value, gradients = mp.value_and_grad(loss)(net)
        optimizer.update(net, gradients)
        return value

    for _ in range(400):
        word = generator.integers(0, 8, size=(32, half))
        value = step(net, optimizer, mp.asarray(np.concatenate([word, word], axis=1)))
    assert step.compilations == 1
    assert float(value) < 0.05

    @mp.jit
    def choose(net, cache, x):
        return mp.argmax(net(x, cache)[:, -1], axis=-1)

    word = generator.integers(0, 8, size=(50, half))
    cache = net.layers.new_cache(50, 2 * half)
    found = [choose(net, cache, mp.asarray(word))]
    while len(found) < half:
        found.append(choose(net, cache, mp.expand_dims(found[-1], axis=1)))
    assert choose.compilations == 2
    assert (np.stack(found, axis=1) == word).mean() > 0.99


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shapes", "word"),
    [
        ([(5, 4), (5, 4), (5, 4)], "make an axis for the heads"),
        ([(5, 2, 4), (6, 2, 4), (5, 2, 4)], "as many as values"),
        ([(5, 2, 4), (5, 2, 3), (5, 2, 4)], "have the features of the queries"),
        ([(1, 5, 2, 4), (2, 5, 2, 4), (2, 5, 2, 4)], "axes in front are equal"),
        ([(5, 3, 4), (5, 2, 4), (5, 2, 4)], "3 heads of queries cannot share 2 heads of keys"),
        ([(5, 2, 4), (0, 2, 4), (0, 2, 4)], "there is nothing to look at"),
    ],
)
def test_attention_says_which_shapes_it_takes(shapes, word):
    with pytest.raises(ShapeError, match=word):
        nn.attention(*[mp.zeros(shape) for shape in shapes])


def test_a_mask_fits_or_is_refused():
    x = mp.zeros((2, 5, 3, 4))
    for shape in [(5, 4), (2, 5), (5,), (3, 5, 5), (2, 5, 5), (2, 2, 5, 5)]:
        with pytest.raises(ShapeError, match=r"a mask is of shape \(5, 5\), or \(2, 3, 5, 5\)"):
            nn.attention(x, x, x, mask=mp.ones(shape, dtype=bool))
    with pytest.raises(DTypeError, match="mask == 1"):
        nn.attention(x, x, x, mask=mp.ones((5, 5), dtype="int64"))
    with pytest.raises(ShapeError, match=r"nn\.causal_mask\(1, 5, start=\.\.\.\)"):
        nn.attention(x[:, :1], x, x, causal=True)
    with pytest.raises(ShapeError, match="lengths from 1 to 6 in sequences of 5"):
        nn.padding_mask([1, 6], 5)
    with pytest.raises(DTypeError, match="one length for each sequence"):
        nn.padding_mask([1.0], 5)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: nn.MultiHeadAttention(10, 4), "features=12"),
        (lambda: nn.MultiHeadAttention(8, 4, key_value_heads=3), "a multiple of key_value_heads"),
        (lambda: nn.MultiHeadAttention(8, 4, key_value_heads=0), "expected an integer ≥ 1"),
        (lambda: nn.MultiHeadAttention(6, 2, positions=nn.RotaryPositions()), "an even number"),
        (lambda: nn.MultiHeadAttention(8, 2, positions=True), r"positions=True is no layer(?s:.*)RotaryPositions\(\)"),
        (lambda: nn.RotaryPositions(1.0), r"base=1\.0: expected a finite number > 1"),
        (
            lambda: nn.TransformerEncoderLayer(8, nn.MultiHeadAttention(4, 2)),
            "attention is for 4(?s:.*)8, MultiHeadAttention.8, 2",
        ),
        (lambda: nn.TransformerEncoderLayer(8, "2"), "heads=.*: expected an integer ≥ 1"),
        (lambda: nn.MultiHeadAttention(8, 2, dropout=1.0), r"dropout=1\.0: expected a finite number ≥ 0 and < 1"),
        (
            lambda: nn.TransformerEncoderLayer(8, 2, activation="mish!"),
            "activation='mish!'(?s:.*)did you mean activation='mish'",
        ),
        (lambda: nn.TransformerDecoderLayer(8, 2, hidden_features=0), "hidden_features=.*: expected an integer ≥ 1"),
        (lambda: nn.TransformerEncoder([nn.TransformerEncoderLayer(8, 2)]), "argument 0 is"),
        (lambda: nn.SinusoidalPositions(3), "pairs of sine and cosine"),
    ],
)
def test_settings_are_checked(make, word):
    with pytest.raises(SettingError, match=word):
        make()


def test_inputs_are_checked():
    layer = nn.MultiHeadAttention(8, 2)
    with pytest.raises(ShapeError, match=r"MultiHeadAttention\(8, 2\) takes \(…, T, 8\), given \(3, 7\)"):
        layer(mp.zeros((3, 7)))
    with pytest.raises(ShapeError, match="of length 1"):
        layer(mp.zeros((8,)))
    with pytest.raises(SettingError, match="values are given, but no keys"):
        layer(mp.zeros((3, 8)), value=mp.zeros((3, 8)))
    with pytest.raises(ShapeError, match=r"LearnedPositions\(5, 8\) takes \(…, T, 8\), given \(8,\)"):
        nn.LearnedPositions(5, 8)(mp.zeros((8,)))
    with pytest.raises(SettingError, match="values are given, but no keys"):
        layer(mp.zeros((3, 8)), layer.project(mp.zeros((3, 8))), mp.zeros((3, 8)))
    with pytest.raises(ShapeError, match=r"an even F(?s:.*)inside of attention"):
        nn.RotaryPositions()(mp.zeros((2, 1, 3)))
    decoder, x = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2)), mp.zeros((2, 3, 8))
    for net in (decoder, decoder.layers[0]):
        with pytest.raises(SettingError, match=r"neither of them is given(?s:.*)new_cache"):
            net(x)
        with pytest.raises(SettingError, match="both are given"):
            net(x, x, cache=net.new_cache(x, 3))
    with pytest.raises(MapletError) as caught:
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2))(mp.zeros((3, 7)))
    assert "layers.0" in caught.value.where
