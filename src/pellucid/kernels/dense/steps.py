"""Whole training steps of a dense network in one compiled call: gather, forward, loss, backward, update.

A small network spends as long in Python, between the products, as in the products. Here nothing is between them, and
the update needs no pass of its own: gradient and step are one product, W ← (1 − ηλ) W + aᵀ(−η δ).
The layers in `pellucid.layers` are the readable specification; the tests hold the two against each other.

Arrays are named by address and reached through `floats(address)[i]`: row-major float32, W_l (D, K) at `weights[l]`,
b_l (K,) at `biases[l]` (0: none). Plain pointers also compile in a fraction of the time that array slices take.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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


class Places(NamedTuple):
    """Where the outputs y of each layer are (of layer 0: the samples), and their gradients."""

    y: Any
    delta: Any


@inner
def places_of(p):
    """In the scratch memory of the steps, behind the targets."""
    sizes, place = integers(p.sizes), p.work + 4 * p.batch * p.width
    y, delta = np.empty(p.layers + 1, np.int64), np.empty(p.layers + 1, np.int64)
    for l in range(p.layers + 1):
        y[l], delta[l] = place, place + 4 * p.batch * sizes[l]
        place += 8 * p.batch * sizes[l]
    return Places(y=y, delta=delta)


@inner
def forward(p, at):
    """The outputs of all layers."""
    sizes, kinds, batch = integers(p.sizes), integers(p.kinds), p.batch
    weights, biases = integers(p.weights), integers(p.biases)
    for l in range(p.layers):
        d, k = sizes[l], sizes[l + 1]
        y = floats(at.y[l + 1])
        x, w = Matrix(at=at.y[l], step=d, transposed=False), Matrix(at=weights[l], step=k, transposed=False)
        multiply(p.sgemm, x, w, d, _ZERO, Onto(at=at.y[l + 1], rows=batch, columns=k))
        if biases[l]:
            b = floats(biases[l])
            for r in range(batch):
                for j in range(k):
                    y[r * k + j] += b[j]
        activate(y, batch * k, kinds[l])


@inner
def backward(p, at, rate, shrink):
    """The gradients of all layers, and in the same products their step: W ← shrink · W + aᵀ(rate · δ)."""
    sizes, kinds, batch = integers(p.sizes), integers(p.kinds), p.batch
    weights, biases = integers(p.weights), integers(p.biases)
    for l in range(p.layers - 1, -1, -1):
        d, k = sizes[l], sizes[l + 1]
        delta = floats(at.delta[l + 1])
        if l < p.layers - 1 or p.loss != CROSS_ENTROPY:
            times_slope(delta, floats(at.y[l + 1]), batch * k, kinds[l])
        dy = Matrix(at=at.delta[l + 1], step=k, transposed=False)
        if l:
            wt = Matrix(at=weights[l], step=k, transposed=True)
            multiply(p.sgemm, dy, wt, k, _ZERO, Onto(at=at.delta[l], rows=batch, columns=d))
        for i in range(batch * k):
            delta[i] *= rate
        xt = Matrix(at=at.y[l], step=d, transposed=True)
        multiply(p.sgemm, xt, dy, batch, shrink, Onto(at=weights[l], rows=d, columns=k))
        if biases[l]:
            b = floats(biases[l])
            for r in range(batch):
                for j in range(k):
                    b[j] += delta[r * k + j]


@compiled
def steps(address):
    """Take the steps of a record `Steps`; return how many were taken.

    A loss that is not finite ends the call before its update.
    """
    p = read(Steps, address)
    at, outputs, targets = places_of(p), integers(p.sizes)[p.layers], floats(p.work)
    y, delta = floats(at.y[p.layers]), floats(at.delta[p.layers])
    for step in range(p.steps):
        rows = integers(p.order + 8 * step * p.batch)
        gather(p.x, integers(p.sizes)[0], rows, p.batch, floats(at.y[0]))
        gather(p.t, p.width, rows, p.batch, targets)
        forward(p, at)
        if p.loss == SOFTMAX_CROSS_ENTROPY:
            value = softmax_loss(y, targets, p.batch, outputs, delta)
        else:
            value = row_loss(y, targets, p.batch, outputs, delta, p.loss)
        if not math.isfinite(value):
            return step
        doubles(p.values)[step] = value
        backward(p, at, np.float32(-doubles(p.rates)[step]), np.float32(doubles(p.keeps)[step]))
    return p.steps
