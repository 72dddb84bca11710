"""Softmax regression on MNIST: 1,000 steps of plain stochastic gradient descent.

The article's TensorFlow program, whose functions are gone since TensorFlow 2: p = softmax(x W + b), cross-entropy,
learning rate 0.5, mini-batches of 100. It takes log(softmax) of rounded numbers, so that a probability of 0 would
make the loss infinite; `cross_entropy` works from the logits and stays finite.

    python examples/softmax_mnist.py FOLDER   # the folder of {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz
"""

import sys
from pathlib import Path

import numpy as np

import maplet as mp
from maplet import data, nn, optim


def main(folder):
    """Train on the 60,000, test on the 10,000; → the share of right answers."""
    (images, labels), (test_images, test_labels) = data.read_idx_folder(folder)
    x, y = images.reshape(-1, 784).astype(np.float32) / 255, labels
    net, optimizer = nn.Linear(784, 10, weight_init="zeros"), optim.SGD(0.5)
    loss_and_gradients = mp.value_and_grad(lambda net, x, y: nn.cross_entropy(net(x), y))
    order = np.concatenate([data.permutation(len(x), seed=0, epoch=epoch) for epoch in range(2)])  # two shuffled rounds
    for step, batch in enumerate(order[:100_000].reshape(-1, 100)):
        loss, gradients = loss_and_gradients(net, x[batch], y[batch])
        optimizer.update(net, gradients)
        if step % 100 == 0:
            print(f"step {step:4}: loss {float(loss):.3f}")
    found = np.argmax(net(test_images.reshape(-1, 784).astype(np.float32) / 255), axis=1)
    accuracy = float(np.mean(found == test_labels))
    print(f"accuracy on {len(found)} unseen digits: {accuracy:.2%}")
    return accuracy


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("give the folder that holds the four files of MNIST: python examples/softmax_mnist.py FOLDER")
    main(sys.argv[1])
