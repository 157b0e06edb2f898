"""One convolution computed in many ways, from seven loops to the fused Winograd kernel: docs/kernels.md explains them.

The second convolution of the MNIST network, forward: 128 images 26x26x32 to 64 channels, 3x3, with bias, float32, two
threads. Each way is a function (x, w, b) → y, and runs in a process of its own.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.race import Contestant, race
from pellucid import kernels
from pellucid.kernels import reference
from pellucid.kernels.crew.threads import blocks_of, parallel_for, scratch
from pellucid.kernels.direct import plan as direct
from pellucid.kernels.winograd import plan as winograd

N, H, W, C, OC = 128, 26, 26, 32, 64
OH, OW = H - 2, W - 2
FLOPS = 2 * N * OH * OW * 9 * C * OC
WINDOW = kernels.Window((3, 3))
Way = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
Laps = dict[str, Callable[[int], Any]]


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs as they come from a ReLU, weights as He et al. begin."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((N, H, W, C), np.float32), 0)
    w = rng.standard_normal((3, 3, C, OC), np.float32) * np.float32((2 / (9 * C)) ** 0.5)
    return x, w, rng.standard_normal(OC, np.float32)


def seven_loops(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The equation, one number at a time."""
    n, oh, ow, oc = len(x), x.shape[1] - 2, x.shape[2] - 2, w.shape[3]
    y = np.empty((n, oh, ow, oc), np.float32)
    for image in range(n):
        for i in range(oh):
            for j in range(ow):
                for o in range(oc):
                    total = b[o]
                    for u in range(3):
                        for v in range(3):
                            for c in range(w.shape[2]):
                                total += x[image, i + u, j + v, c] * w[u, v, c, o]
                    y[image, i, j, o] = total
    return y


@functools.cache
def compiled() -> Way:
    import numba

    return numba.njit(nogil=True)(seven_loops)  # type: ignore[no-any-return]


def compiled_loops(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same function through Numba, images shared out between the threads."""
    y = np.empty((len(x), OH, OW, OC), np.float32)

    def image(n: int) -> None:
        y[n] = compiled()(x[n : n + 1], w, b)[0]

    parallel_for(image, len(x))
    return y


def im2col(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The windows of the whole batch as the rows of one matrix, and one product."""
    windows = sliding_window_view(x, (3, 3), axis=(1, 2))  # (N, OH, OW, C, 3, 3), a view
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * C)  # here they are copied
    return (columns @ w.reshape(-1, OC) + b).reshape(-1, OH, OW, OC)


def im2col_blocks(images: int, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same in blocks of so many images, in memory that is used again; the threads share out the blocks."""
    y = np.empty((len(x), OH, OW, OC), np.float32)
    blocks = blocks_of(len(x), images)

    def block(index: int) -> None:
        part = blocks[index]
        windows = sliding_window_view(x[part], (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
        with scratch("columns", windows.shape) as columns:
            np.copyto(columns, windows)
            np.matmul(columns.reshape(-1, 9 * C), w.reshape(-1, OC), out=y[part].reshape(-1, OC))
        y[part] += b

    parallel_for(block, len(blocks))
    return y


def nine_products(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One product for each tap. In the list of all pixels, to see the tap (u, v) is to begin u·W + v pixels later.

    The sums of the last two columns mix the ends of two rows, and are left out.
    """
    y = np.empty((len(x), OH, OW, OC), np.float32)
    blocks = blocks_of(len(x), 4)

    def block(index: int) -> None:
        part = blocks[index]
        pixels = x[part].reshape(-1, C)
        count = len(pixels) - 2 * W - 2
        with scratch("sums", (len(pixels), OC)) as sums, scratch("product", (count, OC)) as product:
            sums[:] = b
            for u, v in np.ndindex(3, 3):
                first = u * W + v
                np.matmul(pixels[first : first + count], w[u, v], out=product)
                sums[:count] += product
            y[part] = sums.reshape(-1, H, W, OC)[:, :OH, :OW]

    parallel_for(block, len(blocks))
    return y


BT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
AT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)
BB, AA = np.kron(BT, BT), np.kron(AT, AT)  # both directions of a flattened tile at once


def winograd_numpy(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Winograd F(4x4, 3x3), its transforms as products with 36x36 and 16x36 matrices, in blocks of four images."""
    y = np.empty((len(x), OH, OW, OC), np.float32)
    kernel = (winograd.GG @ w.reshape(9, -1)).reshape(36, C, OC)
    blocks = blocks_of(len(x), 4)

    def block(index: int) -> None:
        part = blocks[index]
        windows = sliding_window_view(x[part], (6, 6), axis=(1, 2))[:, ::4, ::4]  # (n, 6, 6, C, 6, 6)
        tiles = BB @ windows.transpose(4, 5, 0, 1, 2, 3).reshape(36, -1)
        products = tiles.reshape(36, -1, C) @ kernel  # 36 matrix products: sums over the channels
        outputs = (AA @ products.reshape(36, -1)).reshape(4, 4, -1, OH // 4, OW // 4, OC)
        y[part] = outputs.transpose(2, 3, 0, 4, 1, 5).reshape(-1, OH, OW, OC)
        y[part] += b

    parallel_for(block, len(blocks))
    return y


def direct_kernel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return direct.forward(x, w, b, WINDOW, 1)


def winograd_kernel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return winograd.forward(x, w, b, WINDOW)


def in_three_passes(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    y = winograd.forward(x, w, b, WINDOW)
    return kernels.max_pool2d(np.maximum(y, 0, out=y), (2, 2))[0]


def fused(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return kernels.conv2d_relu_max_pool(x, w, b)[0]


def torch_way(pooled: bool, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Callable[[], np.ndarray]:
    """PyTorch in its best layout. The arrays are brought into it beforehand."""
    import torch
    from torch.nn import functional as F

    images, bias = torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(b)
    kernel = torch.from_numpy(w).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run() -> np.ndarray:
        y = F.conv2d(images, kernel, bias)
        y = F.max_pool2d(y.relu_(), 2) if pooled else y
        return y.permute(0, 2, 3, 1).numpy()

    return run


LOOPS, REFERENCE = "seven loops in Python", "loops over pixels and taps (`reference.py`)"
TORCH, TORCH_POOLED = "PyTorch, channels last", "PyTorch: with ReLU and pooling"
WAYS: dict[str, Way] = {
    LOOPS: seven_loops,
    "the same loops, compiled by Numba": compiled_loops,
    REFERENCE: reference.conv2d,
    "im2col, the whole batch": im2col,
    "im2col, blocks of 8 images": functools.partial(im2col_blocks, 8),
    "im2col, one image at a time": functools.partial(im2col_blocks, 1),
    "nine shifted products, blocks of 4": nine_products,
    "Winograd in NumPy, blocks of 4": winograd_numpy,
    "our direct kernel": direct_kernel,
    "our Winograd kernel": winograd_kernel,
}
POOLED: dict[str, Way] = {"our Winograd, then ReLU, then pooling": in_three_passes, "our Winograd, all in one": fused}
PEERS = {TORCH: False, TORCH_POOLED: True}

# A row of one image of the slowest way is timed, and multiplied.
ROWS_OF_ALL = N * OH
COUNTS = {"fast": 16, "slow": 1}


def laps(name: str) -> Laps:
    """What a process does: one way, over and over."""
    x, w, b = arrays()
    if name in PEERS:
        run = torch_way(PEERS[name], x, w, b)
    elif name == LOOPS:
        run = functools.partial(seven_loops, x[:1, :3], w, b)
    else:
        run = functools.partial({**WAYS, **POOLED}[name], x, w, b)
    run()

    def lap(count: int) -> None:
        for _ in range(count):
            run()

    return {"slow" if name in list(WAYS)[:3] else "fast": lap}


def limits() -> Laps:
    """What the machine can do: a large matrix product, and a copy."""
    a, b = np.ones((2, 2048, 2048), np.float32)
    product, target = np.empty_like(a), np.empty_like(a)
    source, target = np.ones((2, 64 * 1024 * 1024), np.float32)
    halves = blocks_of(len(source), len(source) // 2)

    def copy(part: int) -> None:
        np.copyto(target[halves[part]], source[halves[part]])

    return {
        "product": lambda count: [np.matmul(a, b, out=product) for _ in range(count)],
        "copy": lambda count: [parallel_for(copy, 2) for _ in range(count)],
    }


def forward(images: int, *, by_layers: bool = False) -> Laps:
    """Predictions by the MNIST network for few images: kernels of a fraction of a millisecond."""
    from pellucid.models import mnist_cnn

    network, x = mnist_cnn().fused(), np.random.default_rng(0).random((images, 28, 28, 1), np.float32)

    def lap(count: int) -> None:
        for _ in range(count):
            network(x)

    def layers_lap(count: int) -> None:
        for _ in range(count):
            y = x
            for layer in network.layers:
                y = layer(y)

    return {"forward": layers_lap if by_layers else lap}


def asleep() -> Laps:
    """The same for 8 images, with helper threads that sleep as soon as they have nothing to do."""
    from pellucid.kernels import workers

    workers.LOOKS = 1
    return forward(8)


def tape() -> Laps:
    """Forward and backward of the MNIST network layer by layer, every layer's output kept: 128 images."""
    from pellucid.models import mnist_cnn

    network, images = mnist_cnn(), np.random.default_rng(0).random((N, 28, 28, 1), np.float32)

    def lap(count: int) -> None:
        for _ in range(count):
            scores, steps = network.forward(images)
            network.backward(scores, steps)

    return {"tape": lap}


SURROUNDINGS = {
    "1 image forward, layer by layer": lambda: forward(1, by_layers=True),
    "1 image forward, all layers in one call": lambda: forward(1),
    "1 image forward, all layers in one call, one thread": lambda: forward(1),
    "8 images forward, two threads": lambda: forward(8),
    "8 images forward, two threads, helpers sleep at once": asleep,
    "8 images forward, one thread": lambda: forward(8),
    "128 images forward and backward, layer by layer": tape,
    "128 images forward and backward, freed memory given back": tape,
}
CONTESTANTS: dict[str, Callable[[], Laps]] = {
    **{name: functools.partial(laps, name) for name in [*WAYS, *POOLED, *PEERS]},
    "limits": limits,
    **SURROUNDINGS,
}


def environment(name: str) -> dict[str, str]:
    """Two threads for every library, if the name says nothing else."""
    threads = "1" if name.endswith("one thread") else "2"
    variables = ("PELLUCID_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    # Any variable of the user's own keeps `kernels.keep` from telling malloc anything; this one changes nothing.
    kept = {"MALLOC_PERTURB_": "0"} if name.endswith("given back") else {}
    return dict.fromkeys(variables, threads) | kept


def errors() -> dict[str, float]:
    """The largest error of each way, by the largest output; the oracle is our im2col in float64."""
    x, w, b = arrays()
    x = x[:16]
    exact = kernels.conv2d(*(a.astype(np.float64) for a in (x, w, b)))
    pooled = kernels.max_pool2d(np.maximum(exact, 0), (2, 2))[0]

    def error(y: np.ndarray, wanted: np.ndarray) -> float:
        return float(np.abs(y - wanted).max() / np.abs(wanted).max())

    found = {LOOPS: error(seven_loops(x[:1, :3], w, b), exact[:1, :1])}
    found |= {name: error(way(x, w, b), exact) for name, way in WAYS.items() if name != LOOPS}
    found |= {name: error(way(x, w, b), pooled) for name, way in POOLED.items()}
    for name, after in PEERS.items():
        try:
            found[name] = error(torch_way(after, x, w, b)(), pooled if after else exact)
        except ImportError:
            continue
    return found


def milliseconds(contestant: Contestant | None) -> float | None:
    if contestant is None or not contestant.seconds:
        return None
    (seconds,) = contestant.seconds.values()
    return 1e3 * statistics.median(seconds) * (ROWS_OF_ALL if contestant.name == LOOPS else 1)


def steps(rounds: int) -> str:
    """The ways in turn; the limits of the machine; what surrounds the kernels."""
    ways = {c.name: c for c in race(__name__, [*WAYS, *POOLED, *PEERS], COUNTS, rounds, environment)}
    (limit,) = race(__name__, ["limits"], {"product": 4, "copy": 2}, rounds, environment)
    around = race(__name__, list(SURROUNDINGS), {"forward": 200, "tape": 10}, rounds, environment)
    return "\n\n".join([_limits(limit), _ways(ways, errors()), _around(around)])


def _limits(limit: Contestant) -> str:
    flops, copied = 2 * 2048**3 / (limit.median("product") or 1), 2 * 4 * 64 * 1024**2 / (limit.median("copy") or 1)
    return f"Limits: a matrix product runs at {flops / 1e9:.0f} GFLOP/s, a copy at {copied / 1e9:.0f} GB/s both ways."


def _ways(ways: dict[str, Contestant], error: dict[str, float]) -> str:
    lines = ["| way | ms | direct GFLOP/s | ms / PyTorch's | largest error |", "|---|---|---|---|---|"]
    for names, peer in (([*WAYS, TORCH], TORCH), ([*POOLED, TORCH_POOLED], TORCH_POOLED)):
        theirs = milliseconds(ways.get(peer))
        for name in names:
            ours = milliseconds(ways.get(name))
            if ours is None:
                continue
            ratio = short(ours / theirs, 10) if theirs else ""
            lines.append(f"| {name} | {short(ours, 100)} | {gigaflops(ours)} | {ratio} | {error[name]:.0e} |")
    return "\n".join(lines)


def gigaflops(ms: float) -> str:
    """As if each product of the definition were carried out."""
    rate = FLOPS / ms / 1e6
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1g}"


def short(number: float, large: float) -> str:
    """Two digits or three, and no more than the measurement is worth."""
    return f"{number:,.0f}" if number >= large else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def _around(found: list[Contestant]) -> str:
    lines = ["| the MNIST network | ms |", "|---|---|"]
    lines += [f"| {c.name} | {milliseconds(c):.2f} |" for c in found]
    return "\n".join(lines)


if __name__ == "__main__":
    print(steps(5))
