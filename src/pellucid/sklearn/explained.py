"""Explanations of an estimator's answers, in the form of its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from pellucid import checks
from pellucid.explain import METHODS, Contrast, Explanation
from pellucid.layers import Container
from pellucid.typing import Array


def explained(
    who: str,
    network: Container[Any],
    x: Array,
    method: str,
    target: Any,
    options: dict[str, Any],
    features: Sequence[Any],
) -> Explanation:
    """Explain rows x (N, D); what is no picture comes back as rows, with the names of their columns."""
    checks.expect_known(who, "method", method, METHODS)
    shape = network.input_shape or ()
    said = METHODS[method](network, x.reshape(len(x), *shape), target, **options)
    settings = {**said.settings, "features": [str(name) for name in features]} if len(features) else said.settings
    if said.values.shape[1:] != shape or 1 not in shape[:2]:
        return dataclasses.replace(said, settings=settings)
    return dataclasses.replace(said, values=said.values.reshape(x.shape), inputs=x, settings=settings)


def mapped(target: Any, index: Callable[[Any], Any]) -> Any:
    """Return a target with `index` applied to the classes in it; units, filters and functions have none."""
    if isinstance(target, Contrast):
        return Contrast(index(target.a), index(target.b))
    return target if dataclasses.is_dataclass(target) else index(target)
