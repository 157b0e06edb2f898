"""Random geometries of the kernels between guard pages: no access outside, and the numbers of the slow reference.

    cd tests && python -m fuzz.geometries --number 20000 --guard end
    cd tests && python -m fuzz.geometries --only 1234 --guard start

float32 and float64, odd sizes and channels, strides, dilations, groups, arrays that start anywhere and lie in any
order, on one to three threads. The number decides the geometry.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from fuzz import guard
from fuzz.sandbox import Failure, judge, survey
from pellucid import kernels
from pellucid.kernels import Window, jit, reference
from pellucid.kernels.dense.matmul import matmul
from pellucid.kernels.elementwise import plan as elementwise
from pellucid.kernels.single import plan as single
from pellucid.typing import Array

Generator = np.random.Generator


def whole(rng: Generator, *bounds: int) -> Any:
    """Whole numbers between pairs of bounds, both included; the small ones twice as often."""
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    drawn = [int(rng.integers(low, (high if rng.integers(2) else (low + high) // 2) + 1)) for low, high in pairs]
    return drawn[0] if len(drawn) == 1 else tuple(drawn)


def laid(values: Array, rng: Generator) -> Array:
    """The values in an array that starts anywhere, in another order of axes, strided, backwards, or read-only."""
    way = int(rng.integers(8))
    if way == 0:
        raw = np.empty(values.size + 3, values.dtype)
        start = int(rng.integers(4))
        result = raw[start : start + values.size].reshape(values.shape)
    elif way == 1:  # not on a whole number of its own size
        raw = np.empty(values.nbytes + 1, np.uint8)
        result = raw[1:].view(values.dtype).reshape(values.shape)
    elif way == 2:
        result = np.empty(values.shape[::-1], values.dtype).T
    elif way == 3:
        result = np.empty((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)[..., ::2]
    elif way == 4:
        result = np.empty(values.shape, values.dtype)[::-1]
    else:
        result = np.empty(values.shape, values.dtype)
    result[...] = values
    result.flags.writeable = way != 5
    return result


def close(name: str, got: Array | None, right: Array, size: Array | float, terms: float) -> None:
    """Assert that sums of so many terms, of that size in all, differ by rounding only."""
    assert got is not None, name
    assert got.shape == right.shape, f"{name}: shape {got.shape}"
    allowed = terms * np.finfo(got.dtype).eps * (np.abs(size) + 1e-30)
    worst = np.max(np.abs(got.astype(np.float64) - right) / allowed, initial=0)
    assert worst <= 1, f"{name} is wrong: {worst} times the bound"


def convolution(rng: Generator) -> None:
    """All that is made of one convolution."""
    dtype = np.float64 if rng.random() < 0.15 else np.float32
    size, stride, dilation = (
        ((3, 3), (1, 1), (1, 1))
        if rng.random() < 0.3
        else (whole(rng, 1, 5, 1, 5), whole(rng, 1, 3, 1, 3), whole(rng, 1, 3, 1, 2))
    )
    padding = whole(rng, 0, 3, 0, 3), whole(rng, 0, 3, 0, 3)
    extents = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    h, w = (max(1, e - sum(p)) + whole(rng, 0, 9) for e, p in zip(extents, padding, strict=True))
    groups = whole(rng, 1, 4)
    c, oc = groups * whole(rng, 1, 20), groups * whole(rng, 1, 35)
    if rng.random() < 0.2:
        c = oc = groups = whole(rng, 2, 40)
    n = whole(rng, 1, 3)
    how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    window = Window(size, stride, padding, dilation)
    y_shape = (n, *window.output(h, w), oc)

    def draw(*shape: int) -> Array:
        return laid(rng.standard_normal(shape).astype(dtype), rng)

    x, W, b, dy = draw(n, h, w, c), draw(*size, c // groups, oc), draw(oc), draw(*y_shape)
    if rng.random() < 0.2:
        b = None  # type: ignore[assignment]
    wide = [None if a is None else a.astype(np.float64) for a in (x, W, b, dy)]
    large = [None if a is None else np.abs(a) for a in wide]
    terms = 32 + size[0] * size[1] * c // groups  # 32: what Winograd's transforms multiply rounding by
    right = reference.conv2d(*wide[:3], **how)
    scale = reference.conv2d(*large[:3], **how)
    # Winograd's tiles round relative to their largest pixels, wherever these are.
    spread = scale.max(initial=0) if size in ((3, 3), (5, 5)) else scale

    out = np.empty(y_shape, dtype) if rng.integers(2) else None
    close("conv2d", kernels.conv2d(x, W, b, **how, out=out), right, spread, terms)
    y = kernels.conv2d(x, W, b, **how, relu=True)
    close("relu", y, np.maximum(right, 0), spread, terms)
    pooled, switch = kernels.conv2d_relu_max_pool(x, W, b, **how)
    if pooled.size:
        full = reference.max_pool2d(np.maximum(right, 0), (2, 2), stride=(2, 2))[0]
        close("pooled", pooled, full, scale.max(), terms)
        kernels.conv2d_backward(x, laid(pooled, rng), W, **how, switch=laid(switch, rng))
    want = {"want_dx": bool(rng.integers(4)), "want_dw": bool(rng.integers(4))}
    kernels.conv2d_backward(x, dy, W, **how, y=laid(y, rng), **want)
    dx, dw, db = kernels.conv2d_backward(x, dy, W, **how, **want)
    span = y_shape[0] * y_shape[1] * y_shape[2]
    if want["want_dx"]:
        size_dx = reference.conv2d_input_gradient(large[3], large[1], x.shape, **how)
        terms = 32 + size[0] * size[1] * oc // groups
        right = reference.conv2d_input_gradient(wide[3], wide[1], x.shape, **how)
        close("dx", dx, right, size_dx.max(initial=0), terms)
        close("dx alone", kernels.conv2d_input_gradient(dy, W, x.shape, **how), right, size_dx.max(initial=0), terms)
    if want["want_dw"]:
        size_dw = reference.conv2d_weight_gradient(large[0], large[3], W.shape, **how)
        right = reference.conv2d_weight_gradient(wide[0], wide[3], W.shape, **how)
        close("dw", dw, right, size_dw.max(initial=0), 32 + span)
        close("db", db, wide[3].sum((0, 1, 2)), large[3].sum((0, 1, 2)), 4 + span)  # type: ignore[union-attr]
    if min(kernels.transposed_size(window, *y_shape[1:3])) > 0:
        right = reference.conv_transpose2d(wide[3], wide[1], **how)
        size_y = reference.conv_transpose2d(large[3], large[1], **how).max()
        close("transposed", kernels.conv_transpose2d(dy, W, **how), right, size_y, 32 + size[0] * size[1] * oc)


def pooling(rng: Generator) -> None:
    dtype = np.float64 if rng.random() < 0.2 else np.float32
    size, stride = whole(rng, 1, 4, 1, 4), whole(rng, 1, 4, 1, 4)
    if rng.random() < 0.05:
        size, stride = (17, 17), (9, 9)  # whose switches take more than a byte
    padding: Any = tuple((whole(rng, 0, k // 2), whole(rng, 0, k // 2)) for k in size)
    h, w = (k + whole(rng, 0, 9) for k in size)
    x = laid(rng.standard_normal((whole(rng, 1, 3), h, w, whole(rng, 1, 40))).astype(dtype), rng)
    how: dict[str, Any] = {"stride": stride, "padding": padding}
    y, switch = kernels.max_pool2d(x, size, **how)
    right, places = reference.max_pool2d(x, size, **how)
    assert np.array_equal(y, right)
    assert np.array_equal(switch, places)
    dy = laid(rng.standard_normal(y.shape).astype(dtype), rng)
    wide, terms = dy.astype(np.float64), size[0] * size[1] + 4
    dx = kernels.max_pool2d_gradient(dy, laid(switch, rng), x.shape, size, **how)
    right = reference.max_pool2d_gradient(wide, switch, x.shape, size, **how)
    close("dx of max", dx, right, reference.max_pool2d_gradient(np.abs(wide), switch, x.shape, size, **how), terms)
    how["count_padding"] = bool(rng.integers(2))
    right = reference.average_pool2d(x.astype(np.float64), size, **how)
    mean = reference.average_pool2d(np.abs(x).astype(np.float64), size, **how)
    close("mean", kernels.average_pool2d(x, size, **how), right, mean, terms)
    dx = kernels.average_pool2d_gradient(dy, x.shape, size, **how)
    mean = reference.average_pool2d_gradient(np.abs(wide), x.shape, size, **how)
    close("dx of mean", dx, reference.average_pool2d_gradient(wide, x.shape, size, **how), mean, terms)


def product(rng: Generator) -> None:
    dtype = np.float64 if rng.random() < 0.2 else np.float32
    m, k, n = whole(rng, 0, 60), whole(rng, 1, 300), whole(rng, 1, 300)
    if rng.random() < 0.3:
        m = 1
    if rng.random() < 0.1:
        k, n = (20_000, whole(rng, 1, 40)) if rng.integers(2) else (whole(rng, 1, 40), 20_000)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    a = laid(a.T.copy(), rng).T if rng.integers(2) else laid(a, rng)
    b = laid(b.T.copy(), rng).T if rng.integers(2) else laid(b, rng)
    size = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    close("matmul", matmul(a, b), a.astype(np.float64) @ b.astype(np.float64), size, k + 4)


def passes(rng: Generator) -> None:
    """The passes over memory: ReLU, dropout, Adam, AdaDelta."""
    dtype = np.float64 if rng.random() < 0.2 else np.float32
    shape = tuple(whole(rng, 0, 9) for _ in range(whole(rng, 1, 3)))
    if rng.random() < 0.2:
        shape = (whole(rng, 1, 70_000),)

    def draw() -> Array:
        return rng.random(shape).astype(dtype)

    x, g = laid(draw() - 0.5, rng) if 0 not in shape else draw(), draw()
    assert np.array_equal(elementwise.relu(x), np.maximum(x, 0))
    assert np.array_equal(elementwise.relu_gradient(g, x), np.where(x > 0, g, 0))
    y = elementwise.dropout(x, elementwise.dropout_key(rng), 0.5)
    assert np.isin(y, [0]).sum() + (y == 2 * x).sum() >= y.size
    p, m, v = draw(), draw(), draw()
    elementwise.inplace_adam(p, g, m, v, rate=0.1, step=1)
    elementwise.inplace_adadelta(p, g, m, v, rate=0.1)
    assert np.isfinite(p).all()


def one_sample(rng: Generator) -> None:
    """A network whose single samples go through one compiled program, and through the layers."""
    h, w, c = whole(rng, 6, 20, 6, 20, 1, 40)
    layers: list[Any] = []
    for _ in range(whole(rng, 0, 3)):
        layers.append(pl.Conv2D(whole(rng, 1, 40), whole(rng, 1, 3, 1, 3), stride=whole(rng, 1, 2), padding="same"))
        layers += [pl.ReLU()] * int(rng.integers(2)) and [pl.ReLU()]
        layers += [pl.MaxPool2D()] if rng.random() < 0.4 and len(layers) < 4 else []
    layers += [pl.Flatten(), pl.Affine(whole(rng, 1, 70)), pl.ReLU(), pl.Affine(whole(rng, 1, 20))]
    network = pl.Sequential(layers, input_shape=(h, w, c))
    x = rng.random((2, h, w, c), np.float32)
    both, tape = network.forward(x)
    one = network(laid(x[:1], rng))
    size = max(float(np.abs(step.output).max(initial=1e-3)) for step in tape)
    close("one sample", one, both[:1].astype(np.float64), size, 2000)


def dense_loop(rng: Generator) -> None:
    """Training in the compiled loop."""
    sizes = [whole(rng, 1, 40) for _ in range(whole(rng, 1, 3))]
    slope = (pl.ReLU, pl.Sigmoid, pl.Tanh)[rng.integers(3)]
    layers = [layer for n in sizes for layer in (pl.Affine(n, bias=bool(rng.integers(2))), slope())]
    classes, features, samples = whole(rng, 2, 12, 1, 40, 2, 30)
    network = pl.Sequential([*layers, pl.Affine(classes)])
    x = rng.random((samples, features), np.float32)
    loss = ("SoftmaxCrossEntropy", "Quadratic")[rng.integers(2)]
    data = pl.Dataset(x, rng.integers(0, classes, samples), classes=classes)
    pl.fit(network, data, iterations=12, batch_size=whole(rng, 1, samples), loss=loss, progress=False)


def trained_layers(rng: Generator) -> None:
    """A training step of fused layers."""
    h, w, c = whole(rng, 4, 14, 4, 14, 1, 36)
    layers = [
        pl.Conv2D(whole(rng, 1, 40), 3, padding="same"),
        pl.ReLU(),
        pl.MaxPool2D(),
        pl.BatchNorm(),
        pl.Dropout(0.3),
        pl.Conv2D(whole(rng, 1, 20), whole(rng, 1, 2)),
        pl.GELU(),
        pl.Flatten(),
        pl.Affine(3),
    ]
    data = rng.random((8, h, w, c), np.float32), np.arange(8) % 3
    pl.fit(pl.Sequential(layers), data, iterations=2, batch_size=whole(rng, 1, 8), optimizer="Adam", progress=False)


KINDS: tuple[Callable[[Generator], None], ...] = (
    convolution, convolution, convolution, pooling, product, passes, one_sample, dense_loop, trained_layers,
)  # fmt: skip

COMPILING = 60  # seconds for one geometry: the first of a kind is compiled


def describe(number: int) -> str:
    return f"python -m fuzz.geometries --only {number}  # {KINDS[number % len(KINDS)].__name__}"


def attempt(number: int) -> Failure | None:
    """Run one geometry on a drawn number of threads; return what is wrong with how it ended."""
    rng = np.random.default_rng([number, 4096])
    pl.set_num_threads(int(rng.integers(1, 4)))
    return judge(number, describe(number), lambda: KINDS[number % len(KINDS)](rng), COMPILING)


def begin(side: str) -> None:
    """Guard the arrays, and let small networks and short trainings take the compiled roads too."""
    if side != "none":
        guard.install(side)
    single.WORTHWHILE = 0
    sys.modules["pellucid.training.fit"].WORTH_COMPILING = 1  # type: ignore[attr-defined]
    for name in ("single.loops", "dense.steps", "pooling.loops", "elementwise.loops") if jit.available() else ():
        jit.load(name)


def main() -> int:
    """Survey the geometries, and print what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--guard", choices=("end", "start", "none"), default="end")
    options = parser.parse_args()
    begin(options.guard)
    if options.only is not None:
        rng = np.random.default_rng([options.only, 4096])
        pl.set_num_threads(int(rng.integers(1, 4)))
        KINDS[options.only % len(KINDS)](rng)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(options.first, options.first + options.number)
        failures = survey(attempt, numbers, Path(folder), describe)
    for failure in failures:
        print(failure)
    print(f"{options.number} geometries, {len(failures)} failures")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
