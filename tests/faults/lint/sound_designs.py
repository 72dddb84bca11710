"""Designs of the literature with which all is well: what they do on purpose looks like a fault from nearby."""

import numpy as np
from lint_programs import Of, images, mlp, numbers, sound, table

import maplet as mp
from maplet import nn


def sequences():
    x = np.random.default_rng(0).standard_normal((8, 7, 3)).astype(np.float32)
    return x, np.arange(8) % 2


@sound
def a_block_of_a_mobile_net():
    rng = mp.random.Generator(0)
    block = nn.Sequential(
        nn.Conv2d(4, 16, 1, bias=False, rng=rng), nn.BatchNorm(16), nn.ReLU6(),
        nn.Conv2d(16, 16, 3, padding="same", groups=16, bias=False, rng=rng), nn.BatchNorm(16), nn.ReLU6(),
        nn.Conv2d(16, 4, 1, bias=False, rng=rng), nn.BatchNorm(4),
    )  # fmt: skip
    stem = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False, rng=rng), nn.BatchNorm(4), nn.ReLU())
    return (
        nn.Sequential(stem, nn.Residual(block), nn.GlobalAvgPool(), nn.Linear(4, 4, rng=rng)),
        "cross_entropy",
        images(),
    )


@sound
def a_vision_transformer():
    rng = mp.random.Generator(0)
    patches = nn.Sequential(nn.Conv2d(2, 8, 2, strides=2, rng=rng), nn.Lambda(lambda x: mp.reshape(x, (-1, 9, 8))))
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, rng=rng), norm=nn.LayerNorm(8))
    forward = lambda net, x: net.head(mp.mean(net.encoder(net.patches(x) + net.positions), axis=1))
    positions = mp.Parameter(0.02 * np.random.default_rng(1).standard_normal((9, 8)).astype(np.float32))
    net = Of(forward, patches=patches, positions=positions, encoder=encoder, head=nn.Linear(8, 4, rng=rng))
    return net, "cross_entropy", images()


@sound
def a_u_net():
    rng = mp.random.Generator(0)

    def forward(net, x):
        down = mp.relu(net.down(x))
        inner = mp.relu(net.inner(down))
        return net.out(mp.concat([mp.relu(net.up(inner)), x], axis=-1))

    parts = {
        "down": nn.Conv2d(2, 6, 2, strides=2, rng=rng), "inner": nn.Conv2d(6, 6, 3, padding="same", rng=rng),
        "up": nn.ConvTranspose2d(6, 4, 2, strides=2, rng=rng), "out": nn.Conv2d(6, 1, 1, rng=rng),
    }  # fmt: skip
    x, _ = images()
    return Of(forward, **parts), "dice", (x, (x[..., :1] > 0).astype(np.float32))


@sound
def a_straight_through_code():
    def forward(net, x):
        z = net.encoder(x)
        apart = mp.sum((z[:, None] - net.codes[None]) ** 2, axis=-1)
        code = mp.take(net.codes, mp.argmin(apart, axis=1), axis=0)
        return net.decoder(mp.tanh(z + mp.stop_gradient(code - z))), z, code

    def loss(found, x):
        out, z, code = found
        return (
            nn.mse(out, x)
            + mp.mean((mp.stop_gradient(z) - code) ** 2)
            + 0.25 * mp.mean((z - mp.stop_gradient(code)) ** 2)
        )

    codes = mp.Parameter(np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32))
    x, _ = table()
    return Of(forward, encoder=nn.Linear(5, 3, rng=0), decoder=nn.Linear(3, 5, rng=1), codes=codes), loss, (x, x)


@sound
def a_mixture_of_densities():
    def loss(z, y):
        weights, means, scales = z[:, :3], z[:, 3:6], mp.softplus(z[:, 6:]) + 1e-3
        each = mp.log_softmax(weights) - 0.5 * ((y - means) / scales) ** 2 - mp.log(scales)
        return -mp.mean(mp.logsumexp(each, axis=1))

    return mlp(classes=9), loss, numbers()


@sound
def a_mixture_of_experts():
    def forward(net, x):
        gates = mp.softmax(net.gate(x))
        return sum(gates[:, n : n + 1] * expert(x) for n, expert in enumerate(net.experts))

    experts = [mlp(seed=n) for n in range(3)]
    return Of(forward, gate=nn.Linear(5, 3, rng=9), experts=experts), "cross_entropy", table()


@sound
def a_critic_with_a_penalty_on_its_slope():
    def loss(net, x, y):
        slope = mp.vmap(mp.grad(lambda row: net(row[None])[0, 0]))(x)
        return mp.mean(net(x) * y) + 10 * mp.mean((mp.norm(slope, axis=1) - 1) ** 2)

    net = nn.Sequential(nn.Linear(5, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1, bias=False))
    return loss, (net, *numbers())


@sound
def pairs_of_one_net():
    x, y = table()
    return (
        mlp(classes=4),
        lambda p, y: nn.contrastive(p, mp.roll(p, 1, axis=0) + 0.0 * y[:, None]),
        (x, y.astype(np.float32)),
    )


@sound
def a_length_that_is_divided_by_for_cosines():
    def forward(net, x):
        z, w = net.body(x), net.directions
        return (
            8.0 * (z / mp.sqrt(mp.sum(z**2, axis=1, keepdims=True) + 1e-8)) @ (w / mp.sqrt(mp.sum(w**2, axis=0) + 1e-8))
        )

    w = mp.Parameter(np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32))
    return Of(forward, body=mlp(classes=4), directions=w), "cross_entropy", table()


@sound
def a_change_of_low_rank_of_a_frozen_net():
    def forward(net, x):
        hidden = mp.relu(net.body.layers[0](x))
        return net.body.layers[2](hidden) + (hidden @ net.down) @ net.up

    start = np.random.default_rng(1).standard_normal((16, 2)).astype(np.float32)
    net = Of(forward, body=mlp().freeze(), down=mp.Parameter(start), up=mp.Parameter(mp.zeros((2, 3))))
    return net, "cross_entropy", table()


@sound
def a_recurrent_net_with_attention():
    def forward(net, x):
        states = net.lstm(x)[0]
        weights = mp.softmax(net.score(mp.tanh(net.key(states))), axis=1)
        return net.head(mp.sum(weights * states, axis=1))

    rng = mp.random.Generator(0)
    parts = {"lstm": nn.LSTM(3, 6, rng=rng), "key": nn.Linear(6, 6, rng=rng), "score": nn.Linear(6, 1, rng=rng)}
    return Of(forward, head=nn.Linear(6, 2, rng=rng), **parts), "cross_entropy", sequences()


@sound
def a_teacher_that_is_frozen():
    teacher = mlp(seed=3).freeze()

    def forward(net, x):
        return net.student(x), mp.stop_gradient(net.teacher(x))

    def loss(found, y):
        student, taught = found
        return nn.cross_entropy(student, y) + nn.cross_entropy(student / 2.0, mp.softmax(taught / 2.0))

    return Of(forward, student=mlp(), teacher=teacher), loss, table()
