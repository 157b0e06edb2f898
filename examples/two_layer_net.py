"""The book's two-layer network and its training loop, written out: Saito, "Deep Learning from Scratch", chapter 5.

python examples/two_layer_net.py [--quick]
"""

import argparse
import time
from pathlib import Path

import numpy as np

import pellucid as pl

PUBLISHED = "0.9785 train / 0.9687 test, 91.3 s"
RUNS = Path("runs")
BATCH_SIZE, LEARNING_RATE = 100, 0.1


def main(iterations: int) -> None:
    (x_train, t_train), (x_test, t_test) = pl.load_mnist(normalize=True, one_hot_label=True)
    network = pl.TwoLayerNet(input_size=784, hidden_size=50, output_size=10, weight_init_std=0.01)
    iterations_per_epoch = len(x_train) // BATCH_SIZE  # 600
    rng = np.random.default_rng(0)
    losses, epochs, train_accuracies, test_accuracies = [], [], [], []

    # One call does the same, faster:
    # pl.fit(network, (x_train, t_train), iterations=10_000, sampling="replacement", validation=(x_test, t_test))
    start = time.perf_counter()
    for i in range(iterations):
        chosen = rng.integers(0, len(x_train), BATCH_SIZE)  # drawn at random: a sample may come twice
        x, t = x_train[chosen], t_train[chosen]

        gradient = network.gradient(x, t)
        for key in ("W1", "b1", "W2", "b2"):
            network.params[key] -= LEARNING_RATE * gradient[key]
        losses.append(network.loss(x, t))

        if i % iterations_per_epoch == 0:
            train, test = network.accuracy(x_train, t_train), network.accuracy(x_test, t_test)
            epochs.append(i // iterations_per_epoch)
            train_accuracies.append(train)
            test_accuracies.append(test)
            print(f"epoch {epochs[-1]:2}  train {train:.4f}  test {test:.4f}")
    seconds = time.perf_counter() - start

    print(f"published  {PUBLISHED}")
    print(f"ours       {train:.4f} train / {test:.4f} test, {seconds:.1f} s")

    history = pl.History(
        iterations={"iteration": list(range(1, iterations + 1)), "loss": losses},
        epochs={
            "iteration": [epoch * iterations_per_epoch + 1 for epoch in epochs],
            "epoch": epochs,
            "train_accuracy": train_accuracies,
            "validation_accuracy": test_accuracies,
        },
    )
    RUNS.mkdir(exist_ok=True)
    history.plot().savefig(RUNS / "two_layer_net.png")
    print(f"wrote {RUNS / 'two_layer_net.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1,201 iterations in place of 10,000")
    main(1_201 if parser.parse_args().quick else 10_000)
