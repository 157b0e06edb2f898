# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Loops over flat float32 arrays that read and write each number once. LLVM makes them vector code by itself.

Constants are float32 and products of uint32 are cut back to uint32, or Numba would compute in 64 bits. No fast
mathematics: the operations are NumPy's, in NumPy's order, and so are the bits. Each loop counts from 0 over slices:
an index that might be negative would be wrapped around, element by element.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import compiled, inner


@compiled
def adam(p, g, m, v, low, high, keep1, new1, keep2, new2, rate, root, epsilon, decay, shrink):
    """One Adam step on elements low … high − 1; see `kernels.elementwise.inplace_adam`."""
    p, g, m, v = p[low:high], g[low:high], m[low:high], v[low:high]
    for i in range(p.size):
        d = g[i] + decay * p[i]
        m[i] = keep1 * m[i] + new1 * d
        v[i] = keep2 * v[i] + new2 * (d * d)
        p[i] = shrink * p[i] - rate * m[i] / (np.sqrt(v[i]) * root + epsilon)


@compiled
def adadelta(p, g, h, s, low, high, rate, keep, new, epsilon):
    """One AdaDelta step on elements low … high − 1; see `kernels.elementwise.inplace_adadelta`."""
    p, g, h, s = p[low:high], g[low:high], h[low:high], s[low:high]
    for i in range(p.size):
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


@compiled
def dropout(x, y, low, high, key0, key1, threshold, scale):
    """y = x · scale where the random bits reach the threshold, else 0."""
    x, y = x[low:high], y[low:high]
    for i in range(y.size):
        y[i] = x[i] * scale if mixed(low + i, key0, key1) >= threshold else np.float32(0)


@compiled
def relu(x, y, low, high):
    """y = x, or 0 where x < 0."""
    x, y = x[low:high], y[low:high]
    for i in range(y.size):
        y[i] = np.float32(0) if x[i] < np.float32(0) else x[i]


@compiled
def relu_gradient(dy, y, dx, low, high):
    """dx = dy, or 0 where y ≤ 0."""
    dy, y, dx = dy[low:high], y[low:high], dx[low:high]
    for i in range(dx.size):
        dx[i] = np.float32(0) if y[i] <= np.float32(0) else dy[i]
