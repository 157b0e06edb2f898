"""The bits of the kernels and of a seeded training of every recipe, a line each.

To be compared before and after a change:

    python -m benchmarks.bits > before.txt    # then the change, then
    python -m benchmarks.bits | diff before.txt -
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

import pellucid as pl
from benchmarks.shapes import GRID
from pellucid import kernels
from pellucid.models.recipes import RECIPES
from pellucid.typing import Array

POOLS = [((2, 2), (2, 2), 0), ((3, 3), (2, 2), 1), ((3, 2), (1, 1), 1)]


def digest(*arrays: Array | None) -> str:
    """A few letters that other bits would change."""
    total = hashlib.sha256()
    for array in arrays:
        if array is not None:
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:12]


def convolutions(_: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Each shape of the grid, with few images: all passes, alone and with what is fused."""
    for case in GRID:
        case = case._replace(n=min(case.n, 5))
        rng = np.random.default_rng(list(str(case).encode()))  # of its own: another shape in the list changes no other

        def normal(*shape: int, rng: np.random.Generator = rng) -> Array:
            return rng.standard_normal(shape).astype(np.float32)

        x, w, b = normal(*case.x_shape), normal(*case.w_shape), normal(case.oc)
        how = case.how
        y, rectified = kernels.conv2d(x, w, b, **how), kernels.conv2d(x, w, b, relu=True, **how)
        pooled, switch = kernels.conv2d_relu_max_pool(x, w, b, **how)
        dy = normal(*y.shape)
        yield f"{case} forward", digest(y, rectified, pooled, switch)
        yield f"{case} backward", digest(*kernels.conv2d_backward(x, dy, w, **how))
        yield f"{case} dx alone", digest(kernels.conv2d_input_gradient(dy, w, x.shape, **how))
        yield f"{case} ReLU's", digest(*kernels.conv2d_backward(x, dy, w, y=rectified, **how))
        above = normal(*pooled.shape)
        yield f"{case} pooling's", digest(*kernels.conv2d_backward(x, above, w, switch=switch, **how))


def poolings(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Both poolings and their gradients."""
    x = rng.standard_normal((3, 13, 13, 19)).astype(np.float32)
    for size, stride, beside in POOLS:
        how = {"stride": stride, "padding": ((beside, beside), (beside, beside))}
        y, switch = kernels.max_pool2d(x, size, **how)
        dy = rng.standard_normal(y.shape).astype(np.float32)
        yield f"max {size}", digest(y, switch, kernels.max_pool2d_gradient(dy, switch, x.shape, size, **how))
        mean, gradient = kernels.average_pool2d(x, size, **how), kernels.average_pool2d_gradient
        yield f"average {size}", digest(mean, gradient(dy, x.shape, size, **how))


def trainings(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Every recipe's network after three steps of Adam, with predictions of seven images and of one."""
    images, t = rng.random((300, 28, 28, 1), np.float32), np.arange(300) % 10
    for name, recipe in sorted(RECIPES.items()):
        model = recipe.for_mnist(seed=0)
        network = getattr(model, "network", model)
        data = pl.Dataset(images.reshape(300, -1) if recipe.flat else images, t)
        pl.fit(network, data, optimizer=pl.Adam(1e-3), epochs=1, batch_size=100, progress=False, seed=3)
        yield name, digest(*network.params.values(), network(data.x[:7]), network(data.x[:1]))


def main() -> None:
    for part in (convolutions, poolings, trainings):
        for name, bits in part(np.random.default_rng(0)):
            print(bits, name, flush=True)


if __name__ == "__main__":
    main()
