"""Backpropagation against differences: as the book does it, and with a verdict.

python examples/gradient_check.py [--quick]
"""

import argparse
import time

import numpy as np

import pellucid as pl

PUBLISHED = "backpropagation and differences agree to about 1e-7 or better, in float64"


class WrongReLU(pl.ReLU):
    """A ReLU whose slope is 1 everywhere: it trains, and its gradients are wrong."""

    def slope(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.ones_like(x)


def main(hidden_size: int) -> None:
    train, _ = pl.mnist(dtype=np.float64)
    x, t = train.x[:3], train.t[:3]

    # The book: every parameter is moved to both sides, and the mean difference printed.
    network = pl.TwoLayerNet(784, hidden_size, 10, dtype=np.float64)
    start = time.perf_counter()
    backward, differences = network.gradient(x, t), network.numerical_gradient(x, t)
    seconds = time.perf_counter() - start
    means = {key: np.abs(backward[key] - differences[key]).mean() for key in backward}
    print(f"{sum(p.size for p in network.params.values()):,} parameters, {seconds:.1f} s")
    for key, mean in means.items():
        print(f"  {key}  mean |backward - differences| = {mean:.1e}")
    print(f"published  {PUBLISHED}")
    print(f"ours       {max(means.values()):.1e} at most")

    # A small mean can hide one wrong element. The checker looks along random directions, which no error escapes, then
    # at single elements, and gives a verdict.
    right = pl.check_gradients(network.network, x, t)
    print(f"\n{right}")

    wrong = pl.Sequential([pl.Affine(hidden_size), WrongReLU(), pl.Affine(10)], input_shape=784)
    report = pl.check_gradients(wrong, x, t)
    print(f"\nThe same with a wrong ReLU:\n{report}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 hidden units in place of 50")
    main(4 if parser.parse_args().quick else 50)
