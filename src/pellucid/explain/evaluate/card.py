"""The trust card: which checks one method passes on one network, in one call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array, numbers
from pellucid.checked import checked, checked_late
from pellucid.data.dataset import Dataset
from pellucid.errors import ShapeError
from pellucid.explain.evaluate.attribution import Explainer, attributions, maps, name_of, settle
from pellucid.explain.evaluate.complexity import complexity_rise
from pellucid.explain.evaluate.curves import Curves, deletion, insertion
from pellucid.explain.evaluate.ground_truth import pointing_game, relevance_mass
from pellucid.explain.evaluate.infidelity import infidelity
from pellucid.explain.evaluate.measure import Measure
from pellucid.explain.evaluate.randomization import Randomization, forgets, model_randomization
from pellucid.explain.evaluate.sensitivity import max_sensitivity
from pellucid.explain.evaluate.sensitivity_n import sensitivity_n
from pellucid.explain.result import Explanation
from pellucid.kinds import is_numbers
from pellucid.layers.container import network_of
from pellucid.outputs import OWN
from pellucid.shown import shown
from pellucid.specs import LAYOUTS, pictures_of
from pellucid.typing import Array, ArrayLike, Config

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = {"passes": "✓", "fails": "✗", "open": "?", "none": "–"}


@checked_late
class Row(NamedTuple):
    """One check of a card: what it asks, what was measured, and whether the rule was kept.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> card = evaluate.trust_card(network, evaluate.edge_detector, x, images=2)
    >>> row = card.row("all layers")
    >>> row.question, row.mark
    ('does it change when all are random?', '✗')
    """

    check: str
    question: str
    measure: Measure
    verdict: str

    @property
    def mark(self) -> str:
        """The verdict as one sign."""
        return MARKS[self.verdict]

    @property
    def controls(self) -> str:
        """The means of the controls, in words."""
        return ", ".join(f"{name} {values.mean():.2f}" for name, values in self.measure.controls.items())

    @property
    def settings(self) -> str:
        """The options of the check, in words."""
        return ", ".join(f"{key} {_plain(value)}" for key, value in self.measure.settings.items())

    @property
    def value(self) -> str:
        """Mean and standard error; empty where the method promises nothing."""
        return f"{self.measure.mean:.2f} ± {self.measure.error:.2f}" if self.measure.values.size else ""


@checked_late
@dataclass(frozen=True, eq=False)
class TrustCard:
    """What `trust_card` found.

    Attributes
    ----------
    method : in words
    rows : the checks
    deletion : the curves under the first
    randomization : the maps of randomised networks, layer by layer
    image, map : one sample, as a person sees it, and what the method says of it
    settings : of the card

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> card = evaluate.trust_card(network, evaluate.edge_detector, x, images=2)
    >>> card.method, card.row("later layers").verdict
    ('edge_detector', 'fails')
    """

    method: str
    rows: tuple[Row, ...]
    deletion: Curves
    randomization: Randomization
    image: Array
    map: Array
    settings: Config = field(default_factory=dict)

    @checked
    def row(self, check: str) -> Row:
        """Return the row of a check."""
        found = {row.check: row for row in self.rows}
        checks.expect_known("TrustCard", "check", check, found)
        return found[check]

    @property
    def passed(self) -> int:
        """How many checks are passed."""
        return sum(row.verdict == "passes" for row in self.rows)

    def __str__(self) -> str:
        asked = sum(row.verdict != "none" for row in self.rows)
        lines = [f"{self.method}: passes {self.passed} of {asked} checks, {self.settings['images']} images"]
        width, digits = (
            max(map(len, texts)) for texts in zip(*((row.check, row.value) for row in self.rows), strict=True)
        )
        for row in self.rows:
            better = f"{row.measure.better} is better; {row.controls}" if row.controls else row.question
            lines.append(f"  {row.mark} {row.check:<{width}}  {row.value:<{digits}}  ({better})")
        lines += ["  settings:", *(f"    {row.check:<{width}}  {row.settings}" for row in self.rows if row.settings)]
        return "\n".join(map(shown, lines))

    def plot(self) -> Figure:
        """Return the card as a picture."""
        from pellucid.plots.trust import trust_card as picture

        return picture(self)


@checked
def trust_card(
    network: Any,
    method: Explainer,
    data: Dataset | ArrayLike,
    *,
    masks: ArrayLike | None = None,
    target: Any = "predicted",
    images: int = 32,
    seed: int = 0,
) -> TrustCard:
    """Return which checks a method passes on this network.

    A check is passed where the method is better than *every* control by more than two standard errors over the images,
    failed where one control is as good or better, and open between; without a control, as an edge detector has no say
    about vectors, nothing is decided. The controls know nothing of the network: random
    maps, and an edge detector. Whatever they reach proves nothing. Relevance mass must also be more than half-way from
    the share of the image that the mask covers to 1.

    Later layers are the last half of those with parameters. The maps before and after must be less alike than the map
    and the edges of its image (rank correlation; see `Randomization.likeness`). Complexity is efficient MPRT: by what
    share the entropy of the map rises when all layers are random (`complexity_rise`).

    Parameters
    ----------
    network : or an object that holds one in `.network`; it is never changed
    method : callable (network, x, target) → Explanation or array; `partial(saliency, rule="guided")` sets options
    data : Dataset, or inputs (N, …)
    masks : (N, H, W) booleans, where the cause is known to lie; adds pointing game and relevance mass
    target : "predicted", a class, or one for each of the data
    images : how many are drawn from the data
    seed : of the images drawn, the controls and the randomised networks

    Limits
    ------
    To pass is to be no edge detector, not to be right. Infidelity is made for gradients, sensitivity-n for
    contributions: few methods pass both.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> card = evaluate.trust_card(network, pl.explain.saliency, x, images=2)
    >>> len(card.rows), card.rows[0].check, card.passed
    (9, 'deletion', 4)
    """
    who = "trust_card"
    whole = network_of(network, who, built=True)
    everything = numbers(who, "data", data.x if isinstance(data, Dataset) else data)
    checks.expect_batch(who, everything, whole.input_shape or (), "data")
    count = min(checks.size(who, "images", images), len(everything))
    chosen = np.sort(np.random.default_rng(seed).choice(len(everything), count, replace=False))
    if is_numbers(target) and np.shape(target) == (len(everything),):
        target = np.asarray(target)[chosen]
    asked = settle(who, whole, everything[chosen], target, "logit")
    picture = pictures_of(asked.question.given[:1], whole.inputs, LAYOUTS[asked.question.turned])[0]
    whole, x, c = asked.question.body, asked.question.x, asked.target
    name = name_of(method)
    found = method(whole, x, c)
    scalar = "probability" if asked.question.reading.makes not in ("", OWN) else "logit"
    removed = deletion(whole, method, x, c, scalar=scalar, seed=seed)
    forgotten = model_randomization(whole, method, x, c, seed=seed)
    rows = [
        _row("deletion", "does the class vanish with the pixels?", removed),
        _row(
            "insertion",
            "does it appear with them?",
            insertion(whole, method, x, c, scalar=scalar, baseline="blurred" if x.ndim == 4 else "mean", seed=seed),
        ),
        *_forgetting(forgotten),
        _row(
            "complexity",
            "is it more complex when all are random?",
            complexity_rise(whole, method, x, c, seed=seed),
        ),
        _row(
            "infidelity", "do values foretell small changes?", infidelity(whole, method, x, c, scaled=True, seed=seed)
        ),
        _row("sensitivity-n", "do sums foretell what removal does?", sensitivity_n(whole, method, x, c, seed=seed)),
        _row(
            "stability",
            "do near images have near maps?",
            _against(max_sensitivity(whole, method, x, c, samples=5, seed=seed), "random"),
        ),
    ]
    if masks is not None:
        truth = as_array(who, "masks", masks)
        given = len(truth) if truth.ndim else 1
        if given != len(everything):
            raise ShapeError(f"{who}: {len(everything)} images came with {given} masks. Give each image one.")
        mass = relevance_mass(whole, method, x, truth[chosen], c, seed=seed)
        points = pointing_game(whole, method, x, truth[chosen], c, seed=seed)
        rows += [
            _row("relevance mass", "does the map lie on the known cause?", _with_half_way(mass)),
            _row("pointing game", "does its peak?", points),
        ]
    rows.append(_promise(name, found))
    example = maps(attributions(who, lambda *_: found, whole, x, c))[0]
    settings = {"images": count, "seed": seed}
    return TrustCard(name, tuple(rows), removed, forgotten, picture, example, settings)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(check: str, question: str, measure: Measure) -> Row:
    return Row(check, question, measure, measure.verdict())


def _against(measure: Measure, control: str) -> Measure:
    return replace(measure, controls={control: measure.controls[control]})


def _with_half_way(mass: Measure) -> Measure:
    """To be a little better than a flat map is not to find a cause: half of what that misplaces must be put right."""
    return replace(mass, controls={**mass.controls, "half-way": (1 + mass.controls["area"]) / 2})


def _forgetting(found: Randomization) -> list[Row]:
    """The map of a network whose later half, or all, of the layers is drawn anew: less like its own than edges are."""
    layers = len(found.layers)
    half = (layers + 1) // 2
    steps = [("later layers", "does the map change when they are random?", half)]
    steps.append(("all layers", "does it change when all are random?", layers))
    return [_row(check, question, forgets(found, n, check)) for check, question, n in steps]


def _promise(name: str, found: Any) -> Row:
    """Whether the method's own promise, such as completeness, holds on every image."""
    proof = found.proof if isinstance(found, Explanation) else None
    if proof is None:
        nothing = Measure("promise", name, np.zeros(0), "higher")
        return Row("own promise", "the method promises nothing", nothing, "none")
    held = Measure(proof.name, name, proof.holds.astype(np.float64), "higher")
    return Row("own promise", f"{proof.name}: {proof.claim}", held, "passes" if proof.holds.all() else "fails")
