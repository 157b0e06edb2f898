"""Layer-wise relevance propagation: the score handed down, layer by layer, to the pixels; and its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.fold import fold_batch_norm
from pellucid.explain.parts import AnyContainer, operations, visits
from pellucid.explain.relevance import Bounded, Epsilon, Gamma, RelevanceRule, as_rule
from pellucid.explain.result import Explanation, Proof, answer, exactness, sums
from pellucid.explain.rules import MEANS, MOVES, SWITCHES, WEIGHTED, expect_covered
from pellucid.explain.target import Question, Target
from pellucid.layers import Add, Affine, BatchNorm, ReLU, Rules
from pellucid.layers.plain import is_plain
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, Arrays

MEETING = Epsilon(1e-9)
"""How a sum shares relevance among its inputs: in proportion."""


@checked
def lrp(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    rule: Any = "epsilon",
    first: Any = None,
) -> Explanation:
    """Return the relevance R of every input: the score itself, shared out layer by layer.

    R_j = Σ_k x_j ρ(w_jk) / z_k · R_k, where the rule chooses ρ and z; see `explain.relevance`. ReLU passes relevance
    on, max-pooling gives it to the winner, BatchNorm is folded into the sum before it. ΣR + Σ losses = S: what biases,
    stabilisers and dead sums took stands in `proof.ledger`, and for each layer in `extras["lost in <layer>"]`.

    Parameters
    ----------
    model, x, target : as in `saliency`
    scalar : "logit", "margin" or "centred"
    rule : "0", "epsilon", "gamma", "z+", "alpha-beta", a rule such as `Epsilon(0.1)`, a mapping of layer names to
        rules (others "epsilon"), or "composite": ε for dense layers, γ for the others, z^B for the first
    first : a rule for the first weighted layer, such as `Bounded(0, 1)`

    Limits
    ------
    The rules are choices, and maps of different rules differ. z⁺ and αβ with α = 1 hardly depend on the class (Sixt et
    al. 2020, arXiv:1912.09818). LRP-0 on a network without biases is input × gradient.

    References
    ----------
    Bach et al. (2015), PLOS ONE 0130140. Montavon et al. (2019), LNCS 11700, chapter 10.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> said = pl.explain.lrp(network, x, rule="0")
    >>> said.values.tolist()
    [[6.0, -4.0]]
    >>> said.proof.ledger["bias"].tolist()  # 6 − 4 + 0.5 = 2.5
    [0.5]
    """
    question = Question("lrp", model, x, target, scalar)
    if scalar not in ("logit", "margin", "centred"):
        raise ArgumentError(
            f"lrp: scalar must be 'logit', 'margin' or 'centred', which relevance can sum to, got {came(scalar)}."
        )
    network = fold_batch_norm(question.network)
    _expect_folded(network)
    expect_covered("lrp", "relevance propagation", network, (Add, ReLU, *WEIGHTED, *MEANS, *MOVES, *SWITCHES))
    assigned = _assign(network, rule, first)
    y, tape = network.forward(question.x)
    number = question.scalar(y)
    start = number.gradient(y) * y
    ledger: dict[str, Arrays] = {}
    rules = _rules({id(v.cache): v for v in visits(network, question.x, tape)}, assigned, ledger)
    R, _ = network.backward(start, tape, rules, need_grads=False)
    assert R is not None  # noqa: S101  # backward was asked for it
    kinds = {kind: sum(losses.get(kind, 0.0) for losses in ledger.values()) for kind in ("bias", "stabiliser", "dead")}
    totals = {kind: np.broadcast_to(lost, len(y)).astype(np.float64) for kind, lost in kinds.items()}
    promised = sums(start)
    total = sums(R) + sum(totals.values())
    sizes = np.concatenate([R.reshape(len(R), -1), *[t[:, None] for t in totals.values()]], axis=1)
    proof = Proof(
        "conservation", "ΣR + losses = S", total, promised, exactness(total, promised, sizes.astype(R.dtype)), totals
    )
    extras = {f"lost in {path}": np.asarray(sum(losses.values())) for path, losses in ledger.items()}
    settings = {"rule": rule if isinstance(rule, str) else repr(rule), "first": None if first is None else repr(first)}
    return answer(question, number, y, R, method="LRP", settings=settings, proof=proof, extras=extras)


def _expect_folded(network: AnyContainer) -> None:
    left = next((path for path, layer in operations(network) if is_plain(layer, BatchNorm)), None)
    if left is not None:
        raise ArgumentError(
            f"lrp: BatchNorm {left!r} cannot be folded: it does not follow a convolution or dense layer whose output "
            "it alone takes. Put it there, or use integrated_gradients."
        )


def _assign(network: AnyContainer, rule: Any, first: Any) -> dict[str, RelevanceRule]:
    """Return the rule of every weighted layer, mean and sum, by its path."""
    sharing = [(path, a) for path, a in operations(network) if isinstance(a, (*WEIGHTED, *MEANS))]
    named = dict(rule) if isinstance(rule, Mapping) else {}
    for path in named:
        checks.expect_known("lrp", "layer with weights", path, [path for path, _ in sharing])
    assigned = {}
    for path, layer in sharing:
        chosen = named.get(path, "epsilon") if isinstance(rule, Mapping) else rule
        if isinstance(rule, str) and rule == "composite":
            chosen = Epsilon() if isinstance(layer, Affine) else Gamma()
        assigned[path] = as_rule("lrp", chosen)
    lowest = next((path for path, layer in sharing if isinstance(layer, WEIGHTED)), None)
    if isinstance(rule, str) and rule == "composite" and first is None:
        first = Bounded()
    if first is not None and lowest is not None:
        assigned[lowest] = as_rule("lrp", first)
    return assigned


def _rules(visited: Mapping[int, Any], assigned: Mapping[str, RelevanceRule], ledger: dict[str, Arrays]) -> Rules:
    """Return the rules of one backward pass; they look up what a layer saw by its cache, and write the ledger."""

    def share(layer: Any, R: Array, cache: Any) -> tuple[Array, Arrays]:
        seen = visited[id(cache)]
        result, ledger[seen.path] = assigned[seen.path].share(layer, seen.inputs[0], R)
        return result, {}

    def meet(merge: Any, R: Array, cache: Any) -> tuple[list[Array], Arrays]:
        z = sum(cache.xs[1:], cache.xs[0])
        shift = np.where(z < 0, -z.dtype.type(MEETING.epsilon), z.dtype.type(MEETING.epsilon))
        s = R / (z + shift)
        ledger[visited[id(cache)].path] = {"stabiliser": sums(s * shift)}
        return [x * s for x in cache.xs], {}

    def on(layer: Any, R: Array, cache: Any) -> tuple[Array, Arrays]:
        return R, {}

    return {**dict.fromkeys((*WEIGHTED, *MEANS), share), Add: meet, ReLU: on}
