"""Programs with which all is well, among them what looks like a fault and is none."""

import numpy as np
from lint_programs import Of, images, mlp, numbers, sound, table

import maplet as mp
from maplet import nn, optim


def yes_or_no():
    x, y = numbers()
    return x, (y > 0).astype(np.float32)


# ── usual nets ───────────────────────────────────────────────────────────────────────────────────


@sound
def a_classifier():
    return mlp(), nn.cross_entropy, table(), {"optimizer": optim.SGD(0.1)}


@sound
def the_net_of_the_readme():
    net = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    x = np.random.default_rng(0).uniform(0, 1, (32, 64)).astype(np.float32)
    return net, nn.cross_entropy, (x, np.arange(32) % 10), {"optimizer": optim.Adam(1e-3)}


@sound
def softmax_regression_from_zero():
    return nn.Linear(5, 3, weight_init="zeros"), nn.cross_entropy, table(), {"optimizer": optim.SGD(0.5)}


@sound
def a_line():
    return nn.Linear(5, 1), "mse", numbers(), {"optimizer": optim.SGD(0.1, momentum=0.9)}


@sound
def yes_or_no_from_a_logit():
    return mlp(classes=1), nn.binary_cross_entropy, yes_or_no()


@sound
def a_sigmoid_with_squares():
    return nn.Sequential(mlp(classes=1), nn.Sigmoid()), nn.mse, yes_or_no()


@sound
def a_tanh_for_targets_within_it():
    return nn.Sequential(mlp(classes=1), nn.Tanh()), nn.mse, numbers()


@sound
def counts():
    x, y = numbers()
    return mlp(classes=1), "poisson_likelihood", (x, np.round(np.abs(4 * y)))


@sound
def images_with_normalization():
    net = nn.Sequential(
        nn.Conv2d(2, 8, 3, bias=False, rng=0), nn.BatchNorm(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3, rng=1),
        nn.Flatten(), nn.Linear(32, 4, rng=2),
    )  # fmt: skip
    return net, nn.cross_entropy, images(), {"batch_size": 6, "optimizer": optim.SGD(0.05)}


@sound
def a_convolution_by_channels_and_one_over_all():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2, rng=0), nn.Conv2d(4, 8, 1, rng=1), nn.ReLU(), nn.GlobalAvgPool(),
        nn.Linear(8, 4, rng=2),
    )  # fmt: skip
    return net, nn.cross_entropy, images()


@sound
def a_residual_net():
    block = lambda rng: nn.Residual(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8, rng=rng), nn.GELU()))
    return nn.Sequential(nn.Linear(5, 8, rng=0), block(1), block(2), nn.Linear(8, 3, rng=3)), nn.cross_entropy, table()


@sound
def a_transformer():
    tokens = np.random.default_rng(0).integers(0, 11, (6, 7))
    layers = [nn.TransformerEncoderLayer(8, 2, dropout=0.1, rng=n) for n in range(2)]
    net = nn.Sequential(nn.Embedding(11, 8, rng=5), nn.TransformerEncoder(*layers), nn.Linear(8, 11, rng=6))
    return net, nn.cross_entropy, (tokens, tokens)


@sound
def a_transformer_that_normalizes_behind():
    x = np.random.default_rng(0).standard_normal((6, 7, 3)).astype(np.float32)
    net = nn.Sequential(
        nn.Linear(3, 8, rng=0), nn.TransformerEncoderLayer(8, 2, norm_first=False, rng=1),
        nn.Linear(8, 1, rng=2),
    )  # fmt: skip
    return net, nn.mse, (x, x[..., :1])


@sound
def a_recurrent_net():
    x = np.random.default_rng(0).standard_normal((6, 9, 3)).astype(np.float32)
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.LSTM(4, 6, rng=1), nn.FinalOutput(), nn.Linear(6, 2, rng=2))
    return net, nn.cross_entropy, (x, np.arange(6) % 2)


@sound
def tied_weights():
    def forward(net, x):
        return net.embedding(x) @ net.embedding.weight.T

    tokens = np.random.default_rng(0).integers(0, 11, (6, 7))
    return Of(forward, embedding=nn.Embedding(11, 8, rng=5)), nn.cross_entropy, (tokens, tokens)


@sound
def layers_that_are_one():
    layer = nn.Linear(5, 5, rng=0)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(5, 3, rng=1)), nn.cross_entropy, table()


# ── what looks like a fault ──────────────────────────────────────────────────────────────────────


@sound
def a_bottleneck():
    net = nn.Sequential(nn.Linear(5, 2, rng=0), nn.Linear(2, 5, rng=1), nn.Tanh(), nn.Linear(5, 3, rng=2))
    return net, nn.cross_entropy, table()


@sound
def a_low_rank_change_that_begins_with_zero():
    def forward(net, x):
        return net.head(mp.relu(net.base(x) + (x @ net.down) @ net.up))

    start = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    parts = {"down": mp.Parameter(start), "up": mp.Parameter(mp.zeros((2, 8)))}
    return (
        Of(forward, base=nn.Linear(5, 8, rng=1).freeze(), head=nn.Linear(8, 3, rng=2), **parts),
        nn.cross_entropy,
        table(),
    )


@sound
def a_last_layer_that_begins_with_zero():
    net = mlp()
    net.layers[2] = nn.Linear(16, 3, weight_init="zeros")
    return net, nn.cross_entropy, table()


@sound
def frozen_on_purpose():
    net = mlp()
    net.layers[0].freeze()
    return net, nn.cross_entropy, table()


@sound
def logarithms_of_a_softmax_for_the_loss():
    loss = lambda z, y: -mp.mean(mp.take_along_axis(mp.log_softmax(z), y[:, None], axis=1))
    return mlp(), loss, table()


@sound
def a_softmax_that_is_kept_from_zero():
    loss = lambda p, y: -mp.mean(mp.log(mp.take_along_axis(p, y[:, None], axis=1) + 1e-7))
    return nn.Sequential(mlp(), nn.Softmax()), loss, table()


@sound
def a_softmax_that_is_clipped():
    loss = lambda p, y: -mp.mean(mp.log(mp.clip(mp.take_along_axis(p, y[:, None], axis=1), 1e-7, 1.0)))
    return nn.Sequential(mlp(), nn.Softmax()), loss, table()


@sound
def attention_by_hand():
    def forward(net, x):
        scores = mp.softmax((net.query(x) @ mp.matrix_transpose(net.key(x))) / 8**0.5)
        return mp.mean(scores @ net.value(x), axis=1)

    x = np.random.default_rng(0).standard_normal((6, 7, 3)).astype(np.float32)
    net = Of(forward, query=nn.Linear(3, 8, rng=0), key=nn.Linear(3, 8, rng=1), value=nn.Linear(3, 2, rng=2))
    return net, nn.cross_entropy, (x, np.arange(6) % 2)


@sound
def a_gate():
    net = Of(lambda net, x: net.out(mp.sigmoid(net.gate(x)) * mp.tanh(net.body(x))),
             gate=nn.Linear(5, 8, rng=0), body=nn.Linear(5, 8, rng=1), out=nn.Linear(8, 3, rng=2))  # fmt: skip
    return net, nn.cross_entropy, table()


@sound
def a_length_that_is_safe():
    def forward(net, x):
        z = net.body(x)
        return z / (mp.norm(z, axis=-1, keepdims=True) + 1e-6)

    return Of(forward, body=mlp(classes=2)), lambda p, y: mp.mean((p[:, :1] - y) ** 2), numbers()


@sound
def pixels_that_the_net_scales():
    x, y = images()
    net = Of(lambda net, x: net.body(mp.reshape(x / 255.0, (-1, 72))), body=mlp(columns=72, classes=4))
    return net, nn.cross_entropy, (np.clip(128 + 60 * x, 0, 255), y)


@sound
def a_normalization_that_scales():
    x, y = table()
    net = nn.Sequential(nn.BatchNorm(5), mlp())
    return net, nn.cross_entropy, (x * np.array([1e4, 1, 1, 1, 1e-2], np.float32), y)


@sound
def labels_in_order():
    x, y = table(rows=400)
    order = np.argsort(y)
    return mlp(), nn.cross_entropy, (x[order][:64], y[order][:64])


@sound
def a_class_that_a_small_batch_lacks():
    x, y = table(rows=30)
    return mlp(classes=4), nn.cross_entropy, (x, y)


@sound
def bytes_of_which_some_never_occur():
    tokens = np.random.default_rng(0).integers(32, 120, (60, 40))
    return nn.Sequential(nn.Embedding(256, 4, rng=0), nn.Linear(4, 256, rng=1)), nn.cross_entropy, (tokens, tokens)


@sound
def an_autoencoder():
    x, _ = table()
    return nn.Sequential(nn.Linear(5, 2, rng=0), nn.Tanh(), nn.Linear(2, 5, rng=1)), nn.mse, (x, x)


@sound
def a_variational_autoencoder():
    def forward(net, x):
        mean, log_variance = net.mean(x), net.log_variance(x)
        z = mean + mp.exp(log_variance / 2) * net.rng.normal(mean.shape)
        return net.decoder(mp.tanh(z)), mean, log_variance

    def loss(found, x):
        out, mean, log_variance = found
        return nn.mse(out, x) - 0.005 * mp.mean(1 + log_variance - mean**2 - mp.exp(log_variance))

    x, _ = table()
    parts = {"mean": nn.Linear(5, 3, rng=0), "log_variance": nn.Linear(5, 3, rng=1), "decoder": nn.Linear(3, 5, rng=2)}
    return Of(forward, rng=mp.random.Generator(7), **parts), loss, (x, x)


@sound
def identities_at_the_start_of_two_layers():
    eye = lambda: mp.Parameter(mp.eye(5))
    forward = lambda net, x: net.out(mp.relu(mp.relu(x @ net.u) @ net.v))
    return Of(forward, u=eye(), v=eye(), out=nn.Linear(5, 3, rng=0)), nn.cross_entropy, table()


@sound
def pairs_that_are_ranked():
    def loss(p, y):
        worse = (y[:, None] < y[None, :]).astype(mp.float32)
        return mp.mean(worse * mp.softplus(p - p.T))

    x, y = numbers()
    return mlp(classes=1), loss, (x, y[:, 0])


@sound
def a_table_of_positions():
    def forward(net, x):
        return net.out(mp.relu(net.into(x) + net.positions))

    positions = np.sin(np.arange(56).reshape(7, 8) / 3).astype(np.float32)
    x = np.random.default_rng(0).standard_normal((6, 7, 3)).astype(np.float32)
    net = Of(forward, positions=mp.asarray(positions), into=nn.Linear(3, 8, rng=0), out=nn.Linear(8, 1, rng=1))
    return net, nn.mse, (x, x[..., :1])


@sound
def a_net_that_looks_at_its_values():
    def forward(net, x):
        return net.body(x) if mp.mean(x).item() < 100 else net.body(x / 100)

    return Of(forward, body=mlp()), nn.cross_entropy, table()


@sound
def a_loop_of_ones_own():
    x, y = table()
    return lambda net: nn.cross_entropy(net(x), y), (mlp(),)


@sound
def arrays_without_a_net():
    x, y = numbers()
    return lambda theta: mp.mean((x @ theta["w"] + theta["b"] - y[:, 0]) ** 2), (
        {"w": mp.zeros((5,)), "b": mp.zeros(())},
    )


@sound
def weights_for_the_rows():
    x, y = table()
    return mlp(), nn.cross_entropy, (x, y, np.linspace(0, 1, 40))


@sound
def a_warm_start_of_the_rate():
    return mlp(), nn.cross_entropy, table(), {"optimizer": optim.SGD(optim.Cosine(0.2, 100), momentum=0.9)}
