"""Layer-wise relevance propagation: the score handed down, layer by layer, to the pixels; and its ledger."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.fold import fold_batch_norm
from pellucid.explain.machinery.gates import gated
from pellucid.explain.machinery.gradients import passes
from pellucid.explain.machinery.relevance import Bounded, Epsilon, Gamma, RelevanceRule, as_rule
from pellucid.explain.machinery.room import joined
from pellucid.explain.machinery.rules import expect_covered, is_relu
from pellucid.explain.result import Explanation, Proof, answer, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.layers import Facts, Merge, Rule, Rules
from pellucid.layers.broadcast import summed_to
from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import Visit, operations, visits
from pellucid.shown import came
from pellucid.specs import InputSpec
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

    R_j = Σ_k x_j ρ(w_jk) / z_k · R_k, where the rule chooses ρ and z; see `explain.relevance`. ReLU passes
    relevance on, max-pooling gives it to the winner, BatchNorm is folded into the sum before it. Of a product of
    branches the signal takes all and the gates, which come out of a sigmoid or a softmax, nothing (Arras et al.
    2019). ΣR + Σ losses = S: what biases, stabilisers and dead sums took stands in `proof.ledger`, and for each
    layer in `extras["lost in <layer>"]`.

    Parameters
    ----------
    model, x, target : as in `saliency`
    scalar : "logit", "margin" or "centred"
    rule : "0", "epsilon", "gamma", "z+", "alpha-beta", a rule such as `Epsilon(0.1)`, a mapping of layer names to
        rules (others "epsilon"), or "composite": ε for dense layers, γ for the others, z^B for the first
    first : a rule for the first weighted layer, such as `Bounded(0, 1)`; "pixels" is that one, and `Bounded()` where
        the network says that its pictures lie in another range

    Limits
    ------
    The rules are choices, and maps of different rules differ. z⁺ and αβ with α = 1 hardly depend on the class (Sixt et
    al. 2020, arXiv:1912.09818). LRP-0 on a network without biases is input × gradient.

    References
    ----------
    Bach et al. (2015), PLOS ONE 0130140. Montavon et al. (2019), LNCS 11700, chapter 10; Arras et al. (2019), there,
    chapter 11, for products.

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
    signals, silent = gated(network)
    expect_covered(
        "lrp", "relevance propagation", network, _is_passed, "linear and weights, moves, switches or relu",
        signals.keys() | silent,
    )  # fmt: skip
    _expect_shared(network, silent)
    if isinstance(first, str) and first == "pixels":
        first = _of_pixels(question.spec)
    assigned = _assign(network, rule, first)
    y, number, made = passes(question, network, question.x)
    start = number.gradient(y) * y
    shared = [_shared_out(network, question.x[one.rows], start[one.rows], one.tape, assigned, signals) for one in made]
    R, ledger = joined([relevance for relevance, _ in shared]), _of_all([losses for _, losses in shared])
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


def _of_pixels(spec: InputSpec | None) -> Bounded:
    moved = spec is not None and bool(spec.mean or spec.white not in (None, 1.0))
    return Bounded() if moved else Bounded(0, 1)


def _shared_out(
    network: AnyContainer,
    x: Array,
    start: Array,
    tape: Any,
    assigned: Mapping[str, RelevanceRule],
    signals: Mapping[int, int],
) -> tuple[Array, dict[str, Arrays]]:
    """Return the relevance of some inputs, and what was lost in each layer."""
    ledger: dict[str, Arrays] = {}
    rules = _rules({id(v.layer): v for v in visits(network, x, tape)}, assigned, signals, ledger)
    return network.pull(start, tape, rules), ledger


def _of_all(ledgers: list[dict[str, Arrays]]) -> dict[str, Arrays]:
    """Return the ledger of all samples, from those of its parts."""
    if len(ledgers) == 1:
        return ledgers[0]
    return {
        path: {kind: np.concatenate([ledger[path][kind] for ledger in ledgers]) for kind in losses}
        for path, losses in ledgers[0].items()
    }


def _is_passed(facts: Facts) -> bool:
    return facts.linear or facts.switches or is_relu(facts)


def _expect_shared(network: AnyContainer, silent: Container[int]) -> None:
    """Raise ArgumentError where a linear layer's weights are not known, or were not folded into another's."""
    for path, layer in operations(network):
        if id(layer) in silent:
            continue
        if not isinstance(layer, Merge) and layer.channel_affine() is not None:
            raise ArgumentError(
                f"lrp: {type(layer).__name__} {path!r} cannot be folded: it does not follow a convolution or dense "
                "layer whose output it alone takes. Put it there, or use integrated_gradients."
            )
        if not isinstance(layer, Merge) and _shares(layer.facts) and layer.facts.weights is None:
            raise ArgumentError(
                f"lrp: {layer.label} is linear and does not say by which parameters: state facts.weights, () where "
                "they are fixed and none is negative, or use integrated_gradients."
            )


def _shares(facts: Facts) -> bool:
    """Whether a layer's outputs are sums, whose relevance a rule shares among the inputs."""
    return facts.linear and not facts.moves


def _assign(network: AnyContainer, rule: Any, first: Any) -> dict[str, RelevanceRule]:
    """Return the rule of every weighted sum and mean, by its path."""
    sharing = [(path, a) for path, a in operations(network) if not isinstance(a, Merge) and _shares(a.facts)]
    named = dict(rule) if isinstance(rule, Mapping) else {}
    for path in named:
        checks.expect_known("lrp", "layer with weights", path, [path for path, _ in sharing])
    assigned = {}
    for path, layer in sharing:
        chosen = named.get(path, "epsilon") if isinstance(rule, Mapping) else rule
        if isinstance(rule, str) and rule == "composite":
            chosen = Epsilon() if layer.facts.function == "affine" else Gamma()
        assigned[path] = as_rule("lrp", chosen)
    lowest = next((path for path, layer in sharing if layer.facts.weights), None)
    if isinstance(rule, str) and rule == "composite" and first is None:
        first = Bounded()
    if first is not None and lowest is not None:
        assigned[lowest] = as_rule("lrp", first)
    return assigned


def _rules(
    visited: Mapping[int, Visit],
    assigned: Mapping[str, RelevanceRule],
    signals: Mapping[int, int],
    ledger: dict[str, Arrays],
) -> Rules:
    """Return the rules of one backward pass; they look up what each layer saw, and write the ledger."""

    def share(layer: Any, R: Array, cache: Any) -> tuple[Array, Arrays]:
        seen = visited[id(layer)]
        result, ledger[seen.path] = assigned[seen.path].share(layer, seen.inputs[0], R)
        return result, {}

    def meet(merge: Any, R: Array, cache: Any) -> tuple[list[Array], Arrays]:
        seen = visited[id(merge)]
        z = seen.output
        shift = np.where(z < 0, -z.dtype.type(MEETING.epsilon), z.dtype.type(MEETING.epsilon))
        s = R / (z + shift)
        ledger[seen.path] = {"stabiliser": sums(s * shift)}
        return [x * back for x, back in zip(seen.inputs, merge.backward(s, cache), strict=True)], {}

    def signal(merge: Any, R: Array, cache: Any) -> tuple[list[Array], Arrays]:
        taker = signals[id(merge)]
        xs = visited[id(merge)].inputs
        return [summed_to(R, x.shape) if k == taker else np.zeros_like(x) for k, x in enumerate(xs)], {}

    def on(layer: Any, R: Array, cache: Any) -> tuple[Array, Arrays]:
        return R, {}

    def rule_of(operation: Any) -> Rule | None:
        if _shares(operation.facts):
            return meet if isinstance(operation, Merge) else share
        if id(operation) in signals:
            return signal
        return on if is_relu(operation.facts) else None

    return rule_of
