"""An explanation of one image as small pictures, each with what it says and how far that is proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.checked import checked_late
from pellucid.explain import Explanation
from pellucid.explain.result import NO_EVIDENCE
from pellucid.pictures import palette
from pellucid.pictures.legend import Entry, entries
from pellucid.pictures.overlay import upon
from pellucid.pictures.scale import Scale
from pellucid.typing import Array


@checked_late
class Panel(NamedTuple):
    """One picture.

    Attributes
    ----------
    label : what stands above it
    pixels : bytes (H, W, 3)
    scale : the value of the strongest colour, in words
    verdict : the proof in a few words, or "no positive evidence"; empty where nothing is promised
    detail : all that the result says of itself
    holds : whether the proof holds; None where there is none
    legend : of a map of classes, how often each occurs
    """

    label: str
    pixels: Array
    scale: str = ""
    verdict: str = ""
    detail: str = ""
    holds: bool | None = None
    legend: tuple[Entry, ...] = ()


def panels(label: str, explanation: Explanation, i: int, ground: Array, names: Sequence[str]) -> list[Panel]:
    """Return the pictures of sample i, whose faded image is the ground of a coarse map."""
    made = [_map(label, explanation, i, ground)]
    if "predicted" in explanation.extras:
        made += _places(explanation, i, names)
    return made


def _map(label: str, explanation: Explanation, i: int, ground: Array) -> Panel:
    one = explanation[i]
    values = one.upsampled()[0]
    scale = Scale.of_map(values)
    coarse = one.maps().shape[1:] != values.shape
    drawn = upon(ground, values, scale) if coarse else scale.drawn(values, scale.evidence)
    verdict, holds = "", None
    if one.proof is not None:
        verdict, holds = one.proof.short(0), bool(one.proof.holds[0])
    if one.positive and one.no_positive_evidence[0]:
        verdict = NO_EVIDENCE
    return Panel(label, drawn, scale.reach, verdict, detail(one), holds)


def detail(one: Explanation) -> str:
    """Return all that the explanation of one sample says of itself, as one line."""
    parts = [one.method, f"at {one.layer}" if one.layer else "", f"baseline {one.baseline}" if one.baseline else ""]
    parts.append("" if one.seed is None else f"seed {one.seed}")
    parts += one.caption(0).split("\n")
    parts.append("" if one.proof is None else f"promise: {one.proof.claim}")
    if "standard_error" in one.extras:
        parts.append(f"standard error up to {float(one.extras['standard_error'].max()):.2g}")
    return " · ".join(part for part in parts if part)


def _places(explanation: Explanation, i: int, names: Sequence[str]) -> list[Panel]:
    """Return what occlusion saw at each place of its patch: the class's probability, and the class predicted."""
    predicted = explanation.extras["predicted"][i]
    legend = entries(explanation.extras["counts"][i], names)
    said = ", ".join(entry.text for entry in legend)
    classes = Panel(
        "Class, occluded",
        palette.of_classes(predicted),
        said if len(legend) < 4 else f"{len(legend)} classes",
        detail=f"the class predicted where the patch covers each place: {said}",
        legend=legend,
    )
    if "probability" not in explanation.extras:  # the network knows none
        return [classes]
    chance = explanation.extras["probability"][i]
    name = names[int(explanation.target[i])]
    low, high = float(chance.min()), float(chance.max())
    about = f"the probability of {name} where the patch covers each place, from {low:.3g} to {high:.3g}"
    drawn = palette.through(palette.SEQUENTIAL, chance)
    return [Panel("Probability, occluded", drawn, f"of {name}: {low:.2g} – {high:.2g}", detail=about), classes]
