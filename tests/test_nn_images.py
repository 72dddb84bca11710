"""A small net for images as a whole: trained by fit, with a short last batch, saved and loaded."""

import numpy as np

import maplet as mp
from maplet import nn, optim


def test_a_small_net_for_images_is_saved_and_trained_by_fit(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, size=70)
    # A bright upper or lower half; the last batch of an epoch is short.
    pictures = rng.normal(size=(70, 8, 8, 1)).astype("float32")
    pictures[labels == 0, :4] += 1
    pictures[labels == 1, 4:] += 1
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False, rng=0), nn.BatchNorm(4), nn.ReLU(), nn.MaxPool2d((4, 8)),
        nn.Conv2d(4, 4, 1, groups=4, rng=1), nn.LayerNorm(4), nn.Flatten(), nn.Linear(8, 2, rng=2),
    )  # fmt: skip
    run = mp.fit(
        net,
        (pictures, labels),
        epochs=20,
        batch_size=16,
        loss=nn.cross_entropy,
        optimizer=optim.Adam(0.02),
        metrics=["accuracy"],
    )
    assert run.history[-1]["accuracy"] > 0.95
    assert float(mp.max(mp.abs(net[1].running_mean))) > 0.01
    assert not net.training
    mp.save(net, tmp_path / "net")
    loaded = mp.load(tmp_path / "net").net.eval()
    np.testing.assert_array_equal(loaded(pictures), net(pictures))
