"""DeepLIFT with the rescale rule: differences from a baseline, handed down by multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.explain.machinery.gradients import passes
from pellucid.explain.machinery.room import joined
from pellucid.explain.machinery.rules import expect_covered
from pellucid.explain.result import Explanation, Proof, answer, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.layers import Facts, Merge, Rule, Rules
from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import Visit, operations, visits
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, Arrays


@checked
def deep_lift(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    baseline: BaselineLike = "black",
) -> Explanation:
    """Return (x − x') · m, with the multipliers m handed down from the score.

    At an activation m_in = m_out · (y − y') / (x − x'), the slope where x = x'. At a max-pooling the change of a
    window's maximum is put down to the winner at x, or at x' where that one was larger. The change of a product or a
    quotient of branches is shared evenly: Δ(ab) = ½(b + b') Δa + ½(a + a') Δb. Weighted sums are passed as by a
    gradient. Σ values = S(x) − S(x') exactly: the proof checks it.

    Parameters
    ----------
    model, x, target, baseline : as in `integrated_gradients`; one baseline
    scalar : "logit", "margin" (by the rival at x) or "centred"

    Limits
    ------
    Depends on the baseline. Not implementation invariant: two networks of the same function may differ. The margin's
    proof fails where the rival at the baseline is another one.

    References
    ----------
    Shrikumar, Greenside & Kundaje (2017), arXiv:1704.02685, §3.5.1.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> said = pl.explain.deep_lift(network, x, baseline=1.0)
    >>> said.values.tolist(), said.proof.holds.tolist()
    ([[4.0, -3.0]], [True])
    """
    question = Question("deep_lift", model, x, target, scalar)
    network = question.network
    if scalar not in ("logit", "margin", "centred"):
        raise ArgumentError(f"deep_lift: scalar must be 'logit', 'margin' or 'centred', got {came(scalar)}.")
    shared = _products(network)
    expect_covered("deep_lift", "the rescale rule", network, _is_passed, "linear, elementwise or switches", shared)
    start = as_baseline(question, baseline)
    y, number, made = passes(question, network, question.x, room=0.5)
    others, parts = [], []
    for rows, tape, dy in made:
        there, below = network.forward(start.values[rows])
        pairs = zip(visits(network, question.x[rows], tape), visits(network, start.values[rows], below), strict=True)
        parts.append(network.pull(dy, tape, _rules({id(a.layer): (a, b) for a, b in pairs})))
        others.append(there)
    m, other = joined(parts), joined(others)
    values = (question.x - start.values) * m
    promised = number.values(y).astype(np.float64) - number.values(other)
    allowed = exactness(promised, promised, values)
    proof = Proof("completeness", "Σ values = S(x) − S(baseline)", sums(values), promised, allowed)
    return answer(question, number, y, values, method="DeepLIFT (rescale)", baseline=start.text, proof=proof)


def _is_passed(facts: Facts) -> bool:
    return facts.linear or facts.elementwise or facts.separate or facts.switches


def _products(network: AnyContainer) -> set[int]:
    """Return the merges, by their ids, that know how their change is shared."""
    merges = (operation for _, operation in operations(network) if isinstance(operation, Merge))
    return {id(merge) for merge in merges if getattr(merge.secants, "__func__", None) is not Merge.secants}


def _rules(paired: Mapping[int, tuple[Visit, Visit]]) -> Rules:
    """Return the rules of one pass; `paired` holds what each layer saw at x and at the baseline."""

    def rescale(layer: Any, m: Array, cache: Any) -> tuple[Array, Arrays]:
        here, there = paired[id(layer)]
        x, x0 = here.inputs[0], there.inputs[0]
        slope = layer.backward(np.ones_like(m), cache, need_grads=False)[0]
        return m * _ratio(here.output - there.output, x - x0, slope), {}

    def winner(layer: Any, m: Array, cache: Any) -> tuple[Array, Arrays]:
        here, there = paired[id(layer)]
        best = np.maximum(here.output, there.output)
        up, _ = layer.backward(m * (best - there.output), cache, need_grads=False)
        down, _ = layer.backward(m * (here.output - best), there.cache, need_grads=False)
        plain, _ = layer.backward(m, cache, need_grads=False)
        return _ratio(up + down, here.inputs[0] - there.inputs[0], plain), {}

    def share(merge: Any, m: Array, cache: Any) -> tuple[list[Array], Arrays]:
        here, there = paired[id(merge)]
        return merge.secants(m, here.inputs, there.inputs), {}

    def rule_of(operation: Any) -> Rule | None:
        facts = operation.facts
        if facts.linear:
            return None
        if isinstance(operation, Merge):
            return share
        return winner if facts.switches else rescale

    return rule_of


def _ratio(change: Array, step: Array, slope: Array) -> Array:
    """`change / step`, and the slope where the step is too small to divide by."""
    wide = np.abs(step) > 1e-6 if step.dtype == np.float32 else np.abs(step) > 1e-10
    return np.asarray(np.divide(change, step, out=np.array(slope, step.dtype), where=wide))
