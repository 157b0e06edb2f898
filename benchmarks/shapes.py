"""Shapes of convolutions, as small networks have them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """Images N x size x size x C to OC channels; padding keeps the size when the stride is 1, unless `valid`."""

    n: int
    size: int
    c: int
    oc: int
    k: int
    stride: int = 1
    depthwise: bool = False
    valid: bool = False

    @property
    def groups(self) -> int:
        return self.c if self.depthwise else 1

    @property
    def padding(self) -> int:
        return 0 if self.valid else self.k // 2

    @property
    def x_shape(self) -> tuple[int, ...]:
        return self.n, self.size, self.size, self.c

    @property
    def w_shape(self) -> tuple[int, ...]:
        return self.k, self.k, self.c // self.groups, self.oc

    @property
    def how(self) -> dict[str, Any]:
        """The arguments of the kernels."""
        around = (self.padding, self.padding)
        return {"stride": (self.stride, self.stride), "padding": (around, around), "groups": self.groups}

    def __str__(self) -> str:
        kind = "dw" if self.depthwise else f"->{self.oc}"
        return f"{self.n:3} x {self.size:2}x{self.size:<2} {self.c:3}{kind:<6} {self.k}x{self.k}/{self.stride}"


GRID = [
    Case(64, 28, 1, 32, 3, valid=True),
    Case(32, 32, 3, 32, 3),
    Case(32, 28, 8, 8, 3),
    Case(32, 28, 16, 32, 3),
    Case(64, 26, 32, 64, 3, valid=True),
    Case(16, 64, 32, 32, 3),
    Case(32, 28, 64, 64, 3),
    Case(32, 14, 128, 128, 3),
    Case(16, 14, 256, 256, 3),
    Case(64, 7, 256, 256, 3),
    Case(64, 28, 1, 6, 5, valid=True),
    Case(32, 32, 3, 64, 5),
    Case(64, 14, 6, 16, 5, valid=True),
    Case(64, 12, 20, 50, 5, valid=True),
    Case(32, 14, 32, 64, 5),
    Case(16, 28, 64, 64, 5),
    Case(16, 14, 128, 128, 5),
    Case(16, 64, 3, 16, 1),
    Case(32, 28, 16, 64, 1),
    Case(32, 28, 64, 64, 1),
    Case(32, 14, 256, 64, 1),
    Case(64, 7, 256, 256, 1),
    Case(16, 64, 3, 32, 3, stride=2),
    Case(32, 32, 16, 32, 3, stride=2),
    Case(16, 28, 64, 128, 3, stride=2),
    Case(32, 14, 128, 256, 3, stride=2),
    Case(32, 28, 64, 128, 1, stride=2),
    Case(32, 28, 32, 64, 5, stride=2),
    Case(16, 56, 32, 32, 3, depthwise=True),
    Case(32, 28, 128, 128, 3, depthwise=True),
    Case(32, 14, 256, 256, 3, depthwise=True),
    Case(32, 28, 64, 64, 5, depthwise=True),
    Case(16, 56, 64, 64, 3, stride=2, depthwise=True),
    Case(32, 14, 256, 256, 3, stride=2, depthwise=True),
]
