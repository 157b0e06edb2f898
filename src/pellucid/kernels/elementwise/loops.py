"""Loops over flat float32 arrays that read and write each number once. LLVM makes them vector code by itself.

Constants are float32 and products of uint32 are cut back to uint32, or Numba would compute in 64 bits. No fast
mathematics: the operations are NumPy's, in NumPy's order, and so are the bits. A piece is BLOCK elements.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.elementwise.plan import AdaDelta, Adam, Dropping, Rectify, RectifyGradient
from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.memory import floats
from pellucid.kernels.vectors.records import read

BLOCK = 16 * 1024


@inner
def part(piece, count):
    """Bytes before the piece, and the elements in it."""
    return piece * BLOCK * 4, min(BLOCK, count - piece * BLOCK)


@by_address
def adam(arguments, piece, scratch):
    """One step of Adam; see `kernels.elementwise.plan.inplace_adam`."""
    a = read(Adam, arguments)
    o, n = part(piece, a.size)
    p, g, m, v, k = floats(a.p + o), floats(a.g + o), floats(a.m + o), floats(a.v + o), floats(a.constants)
    keep1, new1, keep2, new2, rate, root, epsilon, decay, shrink = k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8]
    for i in range(n):
        d = g[i] + decay * p[i]
        m[i] = keep1 * m[i] + new1 * d
        v[i] = keep2 * v[i] + new2 * (d * d)
        p[i] = shrink * p[i] - rate * m[i] / (np.sqrt(v[i]) * root + epsilon)


@by_address
def adadelta(arguments, piece, scratch):
    """One step of AdaDelta; see `kernels.elementwise.plan.inplace_adadelta`."""
    a = read(AdaDelta, arguments)
    o, n = part(piece, a.size)
    p, g, h, s, k = floats(a.p + o), floats(a.g + o), floats(a.h + o), floats(a.s + o), floats(a.constants)
    rate, keep, new, epsilon = k[0], k[1], k[2], k[3]
    for i in range(n):
        h[i] = keep * h[i] + new * (g[i] * g[i])
        d = g[i] * np.sqrt((s[i] + epsilon) / (h[i] + epsilon))
        s[i] = keep * s[i] + new * (d * d)
        p[i] = p[i] - rate * d


@inner
def mixed(i, key0, key1):
    """32 random bits from a counter: two rounds of multiplying and folding, with a key before each."""
    h = np.uint32(np.uint32(i) * np.uint32(0x9E3779B9) + key0)
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    h = np.uint32((h ^ (h >> np.uint32(16))) + key1)
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@by_address
def dropout(arguments, piece, scratch):
    """y = x · scale where the random bits reach the threshold, else 0."""
    a = read(Dropping, arguments)
    o, n = part(piece, a.size)
    x, y, scale, low = floats(a.x + o), floats(a.y + o), floats(a.scale)[0], piece * BLOCK
    key0, key1, threshold = np.uint32(a.first), np.uint32(a.second), np.uint32(a.least)
    for i in range(n):
        y[i] = x[i] * scale if mixed(low + i, key0, key1) >= threshold else np.float32(0)


@by_address
def relu(arguments, piece, scratch):
    """y = x, or 0 where x < 0."""
    a = read(Rectify, arguments)
    o, n = part(piece, a.size)
    x, y = floats(a.x + o), floats(a.y + o)
    for i in range(n):
        y[i] = np.float32(0) if x[i] < np.float32(0) else x[i]


@by_address
def relu_gradient(arguments, piece, scratch):
    """dx = dy, or 0 where y ≤ 0."""
    a = read(RectifyGradient, arguments)
    o, n = part(piece, a.size)
    dy, y, dx = floats(a.dy + o), floats(a.y + o), floats(a.dx + o)
    for i in range(n):
        dx[i] = np.float32(0) if y[i] <= np.float32(0) else dy[i]
