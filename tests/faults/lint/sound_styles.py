"""Sound programs of many kinds: games of two nets, shared weights, several tasks, targets between 0 and 1, contrasts."""

import numpy as np
from lint_programs import Of, images, mlp, numbers, sound, table

import maplet as mp
from maplet import nn, optim

# ── two nets, and one net twice ──────────────────────────────────────────────────────────────────


def generator_and_critic():
    rng = mp.random.Generator(0)
    generator = nn.Sequential(nn.Linear(3, 8, rng=rng), nn.LeakyReLU(0.2), nn.Linear(8, 5, rng=rng))
    critic = nn.Sequential(nn.Linear(5, 8, rng=rng), nn.LeakyReLU(0.2), nn.Linear(8, 1, rng=rng))
    noise = np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)
    return generator, critic, noise, table()[0]


@sound
def the_critic_of_a_game():
    generator, critic, noise, x = generator_and_critic()
    made = mp.stop_gradient(generator.freeze()(noise))
    return lambda critic: mp.mean(mp.softplus(-critic(x)) + mp.softplus(critic(made))), (critic,)


@sound
def the_generator_of_a_game():
    generator, critic, noise, _ = generator_and_critic()
    critic.freeze()
    return lambda generator: mp.mean(mp.softplus(-critic(generator(noise)))), (generator,)


@sound
def a_critic_with_a_hinge():
    _, critic, noise, x = generator_and_critic()
    made = noise @ np.ones((3, 5), np.float32) / 3
    return lambda critic: mp.mean(mp.relu(1 - critic(x))) + mp.mean(mp.relu(1 + critic(made))), (critic,)


@sound
def siamese_nets():
    def forward(net, pair):
        a, b = net.body(pair[:, 0]), net.body(pair[:, 1])
        return mp.sum((a - b) ** 2, axis=1)

    def loss(apart, same):
        return mp.mean(same * apart + (1 - same) * mp.relu(1.0 - apart))

    x, _ = table(rows=80)
    return Of(forward, body=mlp(classes=4)), loss, (x.reshape(40, 2, 5), (np.arange(40) % 2).astype(np.float32))


@sound
def triplets():
    def forward(net, x):
        return mp.stack([net.body(x[:, n]) for n in range(3)], axis=1)

    def loss(z, _):
        near, far = (mp.sum((z[:, 0] - z[:, n]) ** 2, axis=1) for n in (1, 2))
        return mp.mean(mp.relu(near - far + 0.5))

    x, _ = table(rows=60)
    return Of(forward, body=mlp(classes=4)), loss, (x.reshape(20, 3, 5), np.zeros(20, np.float32))


@sound
def two_views_of_one_thing():
    def loss(z, _):
        z = z / mp.sqrt(mp.sum(z**2, axis=1, keepdims=True) + 1e-8)
        return nn.cross_entropy(z[:20] @ z[20:].T / 0.1, mp.arange(20))

    return mlp(classes=4), loss, (table()[0], np.zeros(40, np.float32))


@sound
def two_towers():
    def forward(net, x):
        return mp.sum(net.users(x[:, :3]) * net.items(x[:, 3:]), axis=1, keepdims=True)

    parts = {"users": nn.Linear(3, 4, rng=0), "items": nn.Linear(2, 4, rng=1)}
    return Of(forward, **parts), "mse", numbers()


@sound
def factors_of_a_table():
    def forward(net, x):
        return mp.sum(net.users(x[:, 0]) * net.items(x[:, 1]), axis=1) + net.bias

    parts = {"users": nn.Embedding(7, 3, rng=0), "items": nn.Embedding(9, 3, rng=1), "bias": mp.Parameter(mp.zeros(()))}
    rng = np.random.default_rng(0)
    return (
        Of(forward, **parts),
        "mse",
        (np.stack([rng.integers(0, 7, 40), rng.integers(0, 9, 40)], 1), numbers()[1][:, 0]),
    )


# ── frozen and shared on purpose ─────────────────────────────────────────────────────────────────


@sound
def features_of_a_frozen_net():
    forward = lambda net, x: net.head(mp.stop_gradient(net.features(x)))
    features = nn.Sequential(nn.Linear(5, 8, rng=0), nn.ReLU()).freeze()
    return Of(forward, features=features, head=nn.Linear(8, 3, rng=1)), "cross_entropy", table()


@sound
def random_features_that_are_fixed():
    w = mp.Parameter(np.random.default_rng(0).standard_normal((5, 16)).astype(np.float32), trainable=False)
    return Of(lambda net, x: net.head(mp.cos(x @ net.w)), w=w, head=nn.Linear(16, 1, rng=0)), "mse", numbers()


@sound
def targets_that_follow_slowly():
    def forward(net, x):
        return net.guess(net.body(x)), mp.stop_gradient(net.slow(x))

    loss = lambda found, _: mp.mean((found[0] - found[1]) ** 2)
    parts = {
        "body": mlp(classes=4),
        "guess": nn.Sequential(nn.ReLU(), nn.Linear(4, 4, rng=5)),
        "slow": mlp(classes=4, seed=3),
    }
    parts["slow"].freeze()
    return Of(forward, **parts), loss, (table()[0], np.zeros(40, np.float32))


@sound
def one_block_several_times():
    def forward(net, x):
        h = net.into(x)
        for _ in range(3):
            h = h + net.block(h)
        return net.head(h)

    block = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8, rng=1), nn.GELU(), nn.Linear(8, 8, rng=2))
    return Of(forward, into=nn.Linear(5, 8, rng=0), block=block, head=nn.Linear(8, 3, rng=3)), "cross_entropy", table()


@sound
def one_activation_in_all_places():
    relu, rng = nn.ReLU(), mp.random.Generator(0)
    layers = [nn.Linear(5, 8, rng=rng), relu, nn.Linear(8, 8, rng=rng), relu, nn.Linear(8, 3, rng=rng)]
    return nn.Sequential(*layers), "cross_entropy", table()


@sound
def a_relu_whose_means_are_logits():
    forward = lambda net, x: mp.mean(mp.relu(net.body(x).reshape(-1, 3, 4)), axis=2)
    return Of(forward, body=mlp(classes=12)), "cross_entropy", table()


@sound
def a_relu_at_the_end_for_numbers_above_zero():
    x, y = numbers()
    return nn.Sequential(nn.Linear(5, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1), nn.ReLU()), "mse", (x, abs(y))


@sound
def an_autoencoder_with_tied_weights():
    forward = lambda net, x: mp.tanh(x @ net.w + net.b) @ net.w.T + net.c
    w = mp.Parameter(np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32) / 2)
    x, _ = table()
    return Of(forward, w=w, b=mp.Parameter(mp.zeros((3,))), c=mp.Parameter(mp.zeros((5,)))), "mse", (x, x)


# ── several tasks, several losses ────────────────────────────────────────────────────────────────


@sound
def two_tasks_with_learnt_weights():
    def loss(net, x, y, z):
        h = mp.relu(net.body(x))
        first, second = nn.cross_entropy(net.classes(h), y), nn.mse(net.value(h), z)
        a, b = net.a, net.b
        return mp.exp(-a) * first + mp.exp(-b) * second + a + b

    net = Of(
        None, body=nn.Linear(5, 8, rng=0), classes=nn.Linear(8, 3, rng=1), value=nn.Linear(8, 1, rng=2),
        a=mp.Parameter(mp.zeros(())), b=mp.Parameter(mp.zeros(())),
    )  # fmt: skip
    return loss, (net, *table(), numbers()[1])


@sound
def a_box_and_a_class():
    def forward(net, x):
        h = net.body(x)
        return mp.sigmoid(net.box(h)), net.kind(h)

    def loss(found, y):
        return mp.mean((found[0] - y[:, :4]) ** 2) + nn.cross_entropy(found[1], y[:, 4].astype(mp.int32))

    rng = np.random.default_rng(0)
    y = np.concatenate([rng.uniform(0, 1, (40, 4)), rng.integers(0, 3, (40, 1))], 1).astype(np.float32)
    body = nn.Sequential(nn.Linear(5, 8, rng=0), nn.ReLU())
    return Of(forward, body=body, box=nn.Linear(8, 4, rng=1), kind=nn.Linear(8, 3, rng=2)), loss, (table()[0], y)


@sound
def an_actor_and_its_critic():
    def loss(net, x, actions, gains):
        h = mp.tanh(net.body(x))
        logits, value = net.actor(h), net.critic(h)[:, 0]
        better = mp.stop_gradient(gains - value)
        chosen = mp.take_along_axis(mp.log_softmax(logits), actions[:, None], axis=1)[:, 0]
        p = mp.softmax(logits)
        return mp.mean((gains - value) ** 2) - mp.mean(chosen * better) + 0.01 * mp.mean(
            mp.sum(p * mp.log_softmax(logits), axis=1)
        )  # fmt: skip

    net = Of(None, body=nn.Linear(5, 8, rng=0), actor=nn.Linear(8, 3, rng=1), critic=nn.Linear(8, 1, rng=2))
    return loss, (net, *table(), numbers()[1][:, 0])


@sound
def quality_of_actions():
    def loss(net, x, actions, gains):
        q = mp.take_along_axis(net(x), actions[:, None], axis=1)[:, 0]
        return mp.mean((q - gains) ** 2)

    return loss, (mlp(), *table(), numbers()[1][:, 0])


# ── the end of a net ─────────────────────────────────────────────────────────────────────────────


@sound
def shares_between_zero_and_one():
    x, y = numbers()
    return nn.Sequential(mlp(classes=1), nn.Sigmoid()), "mse", (x, (y + 1) / 2)


@sound
def pixels_between_zero_and_one():
    rng = mp.random.Generator(0)
    x = np.random.default_rng(0).uniform(0, 1, (12, 6, 6, 2)).astype(np.float32)
    net = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.Conv2d(8, 2, 3, padding="same", rng=rng),
        nn.Sigmoid(),
    )
    return net, "mse", (x, x)


@sound
def the_sign_of_a_margin():
    x, y = numbers()
    return mlp(classes=1), lambda z, y: mp.mean(mp.softplus(-y * z)), (x, np.sign(y))


@sound
def a_hinge():
    x, y = numbers()
    return mlp(classes=1), lambda z, y: mp.mean(mp.relu(1 - y * z)), (x, np.sign(y))


@sound
def a_mean_and_its_scale():
    def loss(z, y):
        mean, scale = z[:, :1], mp.softplus(z[:, 1:]) + 1e-4
        return mp.mean(mp.log(scale) + 0.5 * ((y - mean) / scale) ** 2)

    return mlp(classes=2), loss, numbers()


@sound
def waiting_times():
    def loss(z, y):
        rate = mp.softplus(z) + 1e-6
        return mp.mean(rate * y - mp.log(rate))

    x, y = numbers()
    return mlp(classes=1), loss, (x, 5 * np.abs(y))


@sound
def labels_that_are_smoothed():
    return mlp(), lambda z, y: nn.cross_entropy(z, y, label_smoothing=0.1), table()


@sound
def yes_and_no_for_several_labels():
    x, y = table()
    return mlp(classes=4), "binary_cross_entropy", (x, np.eye(4, dtype=np.float32)[y])


@sound
def ordered_classes():
    x, y = table()
    return mlp(classes=2), "binary_cross_entropy", (x, (y[:, None] > np.arange(2)).astype(np.float32))


@sound
def an_output_that_must_be_positive():
    x, y = numbers()
    return nn.Sequential(mlp(classes=1), nn.Softplus()), "mse", (x, np.abs(y) + 0.5)


@sound
def quantiles():
    def loss(z, y):
        short = y - z
        levels = mp.asarray([0.1, 0.5, 0.9])
        return mp.mean(mp.maximum(levels * short, (levels - 1) * short))

    return mlp(classes=3), loss, numbers()


# ── inside ───────────────────────────────────────────────────────────────────────────────────────


@sound
def slopes_that_are_learnt():
    rng = mp.random.Generator(0)
    return nn.Sequential(nn.Linear(5, 8, rng=rng), nn.PReLU(), nn.Linear(8, 3, rng=rng)), "cross_entropy", table()


@sound
def a_gated_linear_unit():
    forward = lambda net, x: net.out(net.value(x) * mp.silu(net.gate(x)))
    parts = {"value": nn.Linear(5, 8, rng=0), "gate": nn.Linear(5, 8, rng=1), "out": nn.Linear(8, 3, rng=2)}
    return Of(forward, **parts), "cross_entropy", table()


@sound
def mixing_over_places_and_channels():
    """Two products in a row, over different axes."""

    def forward(net, x):
        h = net.channels(x)
        h = mp.permute_dims(net.places(mp.permute_dims(h, (0, 2, 1))), (0, 2, 1))
        return net.head(mp.mean(mp.relu(h), axis=1))

    parts = {"channels": nn.Linear(3, 6, rng=0), "places": nn.Linear(7, 7, rng=1), "head": nn.Linear(6, 1, rng=2)}
    x = np.random.default_rng(0).standard_normal((8, 7, 3)).astype(np.float32)
    return Of(forward, **parts), "mse", (x, x[:, 0, :1])


@sound
def attention_of_several_heads():
    rng = mp.random.Generator(0)
    x = np.random.default_rng(0).standard_normal((6, 7, 8)).astype(np.float32)
    forward = lambda net, x: net.head(mp.mean(net.norm(x + net.attention(x, x, x)), axis=1))
    parts = {"attention": nn.MultiHeadAttention(8, 2, rng=rng), "norm": nn.LayerNorm(8)}
    return Of(forward, head=nn.Linear(8, 1, rng=rng), **parts), "mse", (x, x[:, 0, :1])


@sound
def squeezed_and_excited():
    def forward(net, x):
        h = mp.relu(net.conv(x))
        gate = mp.sigmoid(net.up(mp.relu(net.down(mp.mean(h, axis=(1, 2))))))
        return net.head(mp.mean(h * gate[:, None, None, :], axis=(1, 2)))

    rng = mp.random.Generator(0)
    parts = {"conv": nn.Conv2d(2, 8, 3, rng=rng), "down": nn.Linear(8, 2, rng=rng), "up": nn.Linear(2, 8, rng=rng)}
    return Of(forward, head=nn.Linear(8, 4, rng=rng), **parts), "cross_entropy", images()


@sound
def means_of_words():
    tokens = np.random.default_rng(0).integers(0, 20, (30, 6))
    forward = lambda net, x: net.head(mp.mean(net.table(x), axis=1))
    return Of(forward, table=nn.Embedding(20, 8, rng=0), head=nn.Linear(8, 2, rng=1)), "cross_entropy", (
        tokens, np.arange(30) % 2,
    )  # fmt: skip


@sound
def a_bias_that_begins_with_what_is_usual():
    net = mlp(classes=1)
    net.layers[2].bias = mp.Parameter(mp.full((1,), -4.6))
    x, y = numbers()
    return net, "binary_cross_entropy", (x, (y > 0.9).astype(np.float32))


@sound
def few_rows_of_rare_words():
    """Most columns of a bag of words are 0."""
    rng = np.random.default_rng(0)
    x = (rng.uniform(0, 1, (40, 60)) < 0.03).astype(np.float32)
    return mlp(columns=60), "cross_entropy", (x, np.arange(40) % 3)


@sound
def a_penalty_on_all_weights():
    def loss(net, x, y):
        size = sum(mp.sum(p**2) for p in net.parameters().values())
        return nn.cross_entropy(net(x), y) + 1e-3 * size

    return loss, (mlp(), *table())


@sound
def features_that_spread():
    """The spread of each column is kept above 1 by a root that is safe."""

    def loss(z, y):
        spread = mp.sqrt(mp.var(z, axis=0) + 1e-4)
        return nn.cross_entropy(z, y) + mp.mean(mp.relu(1 - spread))

    return mlp(), loss, table(), {"optimizer": optim.SGD(0.05)}


@sound
def noise_on_the_inputs():
    forward = lambda net, x: net.body(x + 0.1 * net.rng.normal(x.shape))
    return Of(forward, body=mlp(), rng=mp.random.Generator(5)), "cross_entropy", table()


@sound
def weights_that_are_dropped():
    def forward(net, x):
        kept = net.rng.bernoulli(0.8, net.w.shape) / 0.8
        return net.head(mp.relu(x @ (net.w * kept)))

    w = mp.Parameter(np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))
    return Of(forward, w=w, rng=mp.random.Generator(5), head=nn.Linear(8, 3, rng=1)), "cross_entropy", table()
