"""Whole training steps of a dense network in one compiled call: gather, forward, loss, backward, update.

A small network spends as long in Python, between the products, as in the products. Here nothing is between them, and
the update needs no pass of its own: gradient and step are one product, W ← (1 − ηλ) W + aᵀ(−η δ).
The layers in `pellucid.layers` are the readable specification; the tests hold the two against each other.

Arrays are named by address and reached through `floats(address)[i]`: row-major float32, W_l (D, K) at `weights[l]`,
b_l (K,) at `biases[l]` (0: none). Plain pointers also compile in a fraction of the time that array slices take.
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.kernels.dense.gemm import Matrix, Onto, multiply
from pellucid.kernels.dense.records import Steps
from pellucid.kernels.jit import compiled, inner
from pellucid.kernels.vectors.memory import doubles, floats, integers
from pellucid.kernels.vectors.records import read

LINEAR, RELU, SIGMOID, TANH = range(4)
SOFTMAX_CROSS_ENTROPY, QUADRATIC, CROSS_ENTROPY = range(3)

_ONE, _ZERO, _HALF = np.float32(1), np.float32(0), np.float32(0.5)
_LOWEST = np.float32(-88.0)  # e^88 is the last power below float32's largest number
_EPS = np.float32(np.finfo(np.float32).eps)


@inner
def activate(z, count, kind):
    """z ← f(z), in place."""
    if kind == RELU:
        for i in range(count):
            z[i] = max(z[i], _ZERO)
    elif kind == SIGMOID:
        for i in range(count):
            z[i] = _ONE / (_ONE + math.exp(-max(z[i], _LOWEST)))
    elif kind == TANH:
        for i in range(count):
            z[i] = math.tanh(z[i])


@inner
def times_slope(delta, y, count, kind):
    """delta ← delta · f'(z), in place, written in y = f(z)."""
    if kind == RELU:
        for i in range(count):
            delta[i] = delta[i] if y[i] > _ZERO else _ZERO
    elif kind == SIGMOID:
        for i in range(count):
            delta[i] *= (_ONE - y[i]) * y[i]
    elif kind == TANH:
        for i in range(count):
            delta[i] *= _ONE - y[i] * y[i]


@inner
def softmax_loss(y, t, rows, k, delta):
    """delta ← (softmax(y) − one-hot) / rows; return the mean cross-entropy. t (rows,) holds classes as floats."""
    total, scale = 0.0, _ONE / np.float32(rows)
    for r in range(rows):
        row, truth = r * k, r * k + int(t[r])
        top = y[row]
        for j in range(row + 1, row + k):
            top = max(top, y[j])
        mass = _ZERO
        for j in range(row, row + k):
            delta[j] = math.exp(y[j] - top)
            mass += delta[j]
        total += math.log(mass) - (y[truth] - top)
        for j in range(row, row + k):
            delta[j] *= scale / mass
        delta[truth] -= scale
    return total / rows


@inner
def row_loss(y, t, rows, k, delta, loss):
    """delta ← gradient of the quadratic loss by y, or of the cross-entropy by what goes into the last sigmoid."""
    total, scale = 0.0, _ONE / np.float32(rows)
    for i in range(rows * k):
        difference = y[i] - t[i]
        delta[i] = difference * scale
        if loss == QUADRATIC:
            total += _HALF * difference * difference
        else:
            p = min(max(y[i], _EPS), _ONE - _EPS)
            total -= t[i] * math.log(p) + (_ONE - t[i]) * math.log1p(-p)
    return total / rows


@inner
def gather(source, width, indices, rows, target):
    """target (rows, width) ← the rows of `source` at `indices`."""
    for r in range(rows):
        row = floats(source + 4 * width * indices[r])
        for i in range(width):
            target[r * width + i] = row[i]


@compiled
def steps(address):
    """Take the steps of a record `Steps`; return how many were taken.

    A loss that is not finite ends the call before its update.
    """
    p = read(Steps, address)
    sizes, kinds, batch, layers = integers(p.sizes), integers(p.kinds), p.batch, p.layers
    weights, biases, values = integers(p.weights), integers(p.biases), doubles(p.values)
    targets, outputs = floats(p.work), sizes[layers]
    y_at, delta_at = np.empty(layers + 1, np.int64), np.empty(layers + 1, np.int64)
    place = p.work + 4 * batch * p.width
    for l in range(layers + 1):
        y_at[l], delta_at[l] = place, place + 4 * batch * sizes[l]
        place += 8 * batch * sizes[l]
    for step in range(p.steps):
        rows = integers(p.order + 8 * step * batch)
        gather(p.x, sizes[0], rows, batch, floats(y_at[0]))
        gather(p.t, p.width, rows, batch, targets)
        for l in range(layers):
            d, k = sizes[l], sizes[l + 1]
            y = floats(y_at[l + 1])
            x, w = Matrix(at=y_at[l], step=d, transposed=False), Matrix(at=weights[l], step=k, transposed=False)
            multiply(p.sgemm, x, w, d, _ZERO, Onto(at=y_at[l + 1], rows=batch, columns=k))
            if biases[l]:
                b = floats(biases[l])
                for r in range(batch):
                    for j in range(k):
                        y[r * k + j] += b[j]
            activate(y, batch * k, kinds[l])
        y, delta = floats(y_at[layers]), floats(delta_at[layers])
        if p.loss == SOFTMAX_CROSS_ENTROPY:
            value = softmax_loss(y, targets, batch, outputs, delta)
        else:
            value = row_loss(y, targets, batch, outputs, delta, p.loss)
        if not math.isfinite(value):
            return step
        values[step] = value
        rate, shrink = np.float32(-doubles(p.rates)[step]), np.float32(doubles(p.keeps)[step])
        for l in range(layers - 1, -1, -1):
            d, k = sizes[l], sizes[l + 1]
            delta = floats(delta_at[l + 1])
            if l < layers - 1 or p.loss != CROSS_ENTROPY:
                times_slope(delta, floats(y_at[l + 1]), batch * k, kinds[l])
            dy = Matrix(at=delta_at[l + 1], step=k, transposed=False)
            if l:
                wt = Matrix(at=weights[l], step=k, transposed=True)
                multiply(p.sgemm, dy, wt, k, _ZERO, Onto(at=delta_at[l], rows=batch, columns=d))
            for i in range(batch * k):
                delta[i] *= rate
            xt = Matrix(at=y_at[l], step=d, transposed=True)
            multiply(p.sgemm, xt, dy, batch, shrink, Onto(at=weights[l], rows=d, columns=k))
            if biases[l]:
                b = floats(biases[l])
                for r in range(batch):
                    for j in range(k):
                        b[j] += delta[r * k + j]
    return p.steps
