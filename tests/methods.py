"""The methods of the catalogue as the contract tests run them: few samples, and the options that are methods too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pellucid import explain

FASTER = {
    "smoothgrad": {"samples": 4},
    "occlusion": {"patch": 4, "stride": 2},
    "rise": {"masks": 20},
    "shapley": {"permutations": 2},
}
METHODS: dict[str, Callable[..., explain.Explanation]] = {
    **{name: partial(method, **FASTER.get(name, {})) for name, method in explain.METHODS.items()},
    "lrp-composite": partial(explain.lrp, rule="composite"),  # inputs are not 0…1 here
    "lrp-z+": partial(explain.lrp, rule="z+"),
    "squaregrad": partial(explain.squaregrad, samples=4),
    "vargrad": partial(explain.vargrad, samples=4),
    "grad-cam-guided": partial(explain.grad_cam, rule="guided"),
    "grad-cam-rectified": partial(explain.grad_cam, rule="rectified"),
}
"""By name; `cam` needs a network that ends in global average pooling."""
EVERYWHERE = {name: method for name, method in METHODS.items() if name != "cam"}
