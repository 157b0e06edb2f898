"""The result of every method: raw signed values, what they explain, how they were made, and their proof."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.data.archive import read_archive
from pellucid.errors import ArgumentError, FileFormatError, ShapeError
from pellucid.explain.resize import bilinear
from pellucid.files import PathLike, atomic_write
from pellucid.flat import picture_shape
from pellucid.interop.strict_json import parse_json
from pellucid.shown import came, shown
from pellucid.specs import LAYOUTS, PICTURES, InputSpec
from pellucid.typing import Array, Arrays, Config, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pellucid.explain.target import Question, Scalar

MAX_BYTES = 1 << 32
NO_EVIDENCE = "no positive evidence"
MOST_LINES = 8
"""Samples that a printed proof shows one by one."""


@checked_late
@dataclass(frozen=True, eq=False)
class Proof:
    """A promise of a method, checked on this result: for each sample a total, and what it was to be.

    Attributes
    ----------
    name, claim : such as "completeness", "Σ values = S(x) − S(baseline)"
    total, promised : (N,)
    allowed : (N,)
        The largest difference at which the promise counts as kept.
    ledger : named arrays (N,)
        What else entered the total, such as the relevance that biases took.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> proof = pl.explain.integrated_gradients(network, x).proof
    >>> proof.total.tolist(), proof.promised.tolist(), proof.holds.tolist()
    ([2.0], [2.0], [True])
    >>> print(proof)
    Σ values = S(x) − S(baseline)
    completeness holds: 2 of 2 (+0.0e+00)
    """

    name: str
    claim: str
    total: Array
    promised: Array
    allowed: Array
    ledger: Arrays = field(default_factory=dict)

    @property
    def residual(self) -> Array:
        """By how much the total misses what was promised."""
        missed: Array = self.total - self.promised
        return missed

    @property
    def holds(self) -> Array:
        """For each sample whether the promise is kept."""
        return np.asarray(np.abs(self.residual) <= self.allowed)

    def line(self, i: int) -> str:
        """Return the proof of sample i as one line."""
        verdict = "holds" if self.holds[i] else "FAILS"
        return f"{self.name} {verdict}: {self.total[i]:.5g} of {self.promised[i]:.5g} ({self.residual[i]:+.1e})"

    def __str__(self) -> str:
        many = len(self.total)
        lines = [self.claim, *(self.line(i) for i in range(min(many, MOST_LINES)))]
        if many > MOST_LINES:
            worst = np.abs(self.residual).max()
            lines.append(f"… holds for {int(self.holds.sum())} of {many} samples, largest residual {worst:.1e}")
        return "\n".join(lines)

    def short(self, i: int) -> str:
        """Return the proof of sample i in a few words."""
        return f"{self.name} off by {abs(self.residual[i]):.0e} {'✓' if self.holds[i] else '✗'}"

    def __getitem__(self, rows: slice) -> Proof:
        ledger = {key: value[rows] for key, value in self.ledger.items()}
        return Proof(self.name, self.claim, self.total[rows], self.promised[rows], self.allowed[rows], ledger)


@checked_late
@dataclass(frozen=True, eq=False)
class Explanation:
    """What one method says about a batch of inputs.

    Attributes
    ----------
    values : (N, H, W, C), (N, h, w, 1) on a layer's own grid, or (N, D)
        Raw and signed, in the units of the scalar explained; nothing is normalised. Their axes are those of the inputs:
        (N, C, H, W) of a network that takes its pictures channels-first.
    inputs : (N, H, W, C), (N, C, H, W) or (N, D)
    scalars : the number explained, in words, for each sample
    target : (N,) the class explained, −1 where it is none
    scores : (N,) the value of that number
    outputs : (N, K) all scores of the network, before any softmax
    method, layer, baseline : in words
    seed : of the random numbers, None where there are none
    settings : the options of the method
    proof : where the method promises something about its values
    extras : other arrays of the method, each with N entries, such as `standard_error`
    positive : whether the method shows positive evidence only, so that a map of zeros means that there is none
    layout : "channels-last" or "channels-first", of values and inputs
    spec : how the inputs were prepared, where the network says it

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.saliency(network, x, target=1)
    >>> len(said), said.values.shape, said.maps().shape
    (2, (2, 8, 8, 1), (2, 8, 8))
    >>> said.scalar, said[0].target.tolist()
    ('logit of class 1', [1])
    >>> said.save("said.npz")
    >>> np.array_equal(pl.explain.Explanation.load("said.npz").values, said.values)
    True
    """

    values: Array
    inputs: Array
    scalars: tuple[str, ...]
    target: IntArray
    scores: Array
    outputs: Array
    method: str
    layer: str = ""
    baseline: str = ""
    seed: int | None = None
    settings: Config = field(default_factory=dict)
    proof: Proof | None = None
    extras: Arrays = field(default_factory=dict)
    positive: bool = False
    layout: str = "channels-last"
    spec: InputSpec | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int | slice) -> Explanation:
        """Return the explanation of one sample (a batch of one) or of a slice."""
        rows = index if isinstance(index, slice) else self._row(index)
        cut = {name: getattr(self, name)[rows] for name in (*_ARRAYS, "scalars")}
        extras = {key: value[rows] for key, value in self.extras.items()}
        return replace(self, **cut, extras=extras, proof=None if self.proof is None else self.proof[rows])

    def _row(self, index: int) -> slice:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Explanation: index {index} is outside of 0..{len(self) - 1}.")
        index %= len(self)
        return slice(index, index + 1)

    @property
    def scalar(self) -> str:
        """What is explained, in words: one text for the batch."""
        different = list(dict.fromkeys(self.scalars))
        return different[0] if len(different) == 1 else "; ".join(different)

    @property
    def no_positive_evidence(self) -> Array:
        """For each sample whether no value is above 0: its map is blank, and this says why."""
        return np.asarray((self.values.reshape(len(self), -1) <= 0).all(axis=1))

    @property
    def channel_axis(self) -> int:
        """The axis of `values` and `inputs` that counts channels, where they are of pictures."""
        return 1 if self.layout == "channels-first" else 3

    @checked
    def maps(self, reduction: str = "sum") -> Array:
        """Return one map (N, H, W) of the channels: their "sum" (signed) or the largest absolute value, "max-abs".

        Vectors are the images that the network says they were, or else of a square number of entries, or short strips.
        """
        values = self._in_axes(self.values)
        if reduction == "sum":
            return np.asarray(values.sum(axis=3))
        if reduction != "max-abs":
            checks.unknown_name("Explanation.maps", "reduction", reduction, ["sum", "max-abs"])
        return np.asarray(np.abs(values).max(axis=3))

    def _in_axes(self, values: Array) -> Array:
        """Return values of pictures, in whatever axes, as (N, H, W, C)."""
        if values.ndim == 4:
            return np.moveaxis(values, self.channel_axis, 3)
        known = self._picture_spec()
        if known is not None:
            values = values.reshape(len(values), *known.shape)
            return values if known.layout == "channels-last" else np.moveaxis(values, 1, 3)
        shape = picture_shape(values.shape[1]) if values.ndim == 2 else None
        if shape is None:
            raise ShapeError(f"Explanation: values {values.shape} are no images. Reshape them, then plot.")
        return values.reshape(len(values), *shape, 1)

    def _picture_spec(self) -> InputSpec | None:
        """How the inputs were prepared, where it is known that they are pictures."""
        spec, size = self.spec, math.prod(self.inputs.shape[1:])
        return spec if spec is not None and spec.kind in PICTURES and spec.size == size else None

    @checked
    def pictures(self) -> Array:
        """Return the inputs as a person sees them: (N, H, W, C) in 0..1, the channels last, no mean subtracted.

        Where the network does not say how its inputs were prepared, only their axes are put right.
        """
        known = self._picture_spec()
        if known is None:
            return self._in_axes(self.inputs)
        return known.pictures(self.inputs)

    @checked
    def upsampled(self, reduction: str = "sum") -> Array:
        """Return the maps at the size of the inputs (bilinear, pixel centres kept): (N, H, W)."""
        maps = self.maps(reduction)
        if self.inputs.ndim != 4:
            return maps
        height, width = np.moveaxis(self.inputs, self.channel_axis, 3).shape[1:3]
        return maps if maps.shape[1:] == (height, width) else bilinear(maps, height, width)

    @checked
    def caption(self, i: int) -> str:
        """Return what sample i's picture says: the number explained, its value, and the proof or its absence."""
        if not 0 <= i < len(self.scalars):
            raise ArgumentError(f"Explanation.caption: i must lie in 0..{len(self.scalars) - 1}, got {came(i)}.")
        lines = [f"{shown(self.scalars[i])} = {self.scores[i]:.4g}"]
        if self.positive and self.no_positive_evidence[i]:
            lines.append(NO_EVIDENCE)
        if self.proof is not None:
            lines.append(self.proof.line(i))
        return "\n".join(lines)

    @checked
    def plot(self, **options: Any) -> Figure:
        """Return a picture of all maps on one scale; `plots.heatmaps` lists the options."""
        from pellucid.plots.heatmaps import heatmaps

        return heatmaps(self, **options)

    @checked
    def save(self, path: PathLike) -> None:
        """Write everything to one file of arrays (npz), whole or not at all; `load` gives it back bit for bit."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {f"extras.{key}": value for key, value in self.extras.items()}
        meta = {name: getattr(self, name) for name in _TEXTS}
        meta["spec"] = None if self.spec is None else self.spec.to_config()
        if self.proof is not None:
            meta["proof"] = [self.proof.name, self.proof.claim]
            arrays |= {f"proof.{key}": getattr(self.proof, key) for key in _PROOF}
            arrays |= {f"proof.ledger.{key}": value for key, value in self.proof.ledger.items()}
        arrays = {key: a.view(np.uint8) if a.dtype == bool else a for key, a in arrays.items()}
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        atomic_write(path, stream.getvalue(), who="Explanation.save")

    @classmethod
    @checked
    @checks.within_memory
    def load(cls, path: PathLike) -> Explanation:
        """Return what `save` wrote; FileFormatError where the file is damaged or its sizes do not agree."""
        label = f"Explanation.load: {path}"
        with checks.open_file("Explanation.load", path) as file:
            arrays = read_archive(file, label, accept=_NAMES, max_bytes=MAX_BYTES)
        try:
            return cls._from_arrays(arrays)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(f"{label}: this is no saved explanation: {error}.") from error

    @classmethod
    def _from_arrays(cls, arrays: Arrays) -> Explanation:
        meta = _checked_texts(parse_json(arrays.pop("meta").tobytes(), "its text"))
        samples = {len(a) for a in arrays.values()}
        if len(samples) != 1 or samples != {len(meta["scalars"])}:
            raise ValueError(f"its arrays hold {sorted(samples)} samples")
        named = meta.pop("proof", None)
        proof = None if named is None else Proof(*named, *(arrays.pop(f"proof.{key}") for key in _PROOF))
        for key in [key for key in arrays if "." in key]:
            group, _, name = key.rpartition(".")
            if group == "proof.ledger" and proof is not None:
                proof.ledger[name] = arrays.pop(key)
        extras = {key.removeprefix("extras."): arrays.pop(key) for key in list(arrays) if key.startswith("extras.")}
        spec = None if meta.get("spec") is None else InputSpec.from_config(meta["spec"])
        given: dict[str, Any] = {**arrays, **meta, "scalars": tuple(meta["scalars"]), "spec": spec}
        return cls(**given, proof=proof, extras=extras)


def _checked_texts(meta: Any) -> dict[str, Any]:
    """Return what stands beside the arrays in a file; raise ValueError where an entry is of another kind."""
    meta = {"layout": LAYOUTS[0], "spec": None} | meta  # which older files do not have
    for name, kinds in _KINDS.items():
        if not isinstance(meta[name], kinds):
            raise ValueError(f"its {name} cannot be {str(meta[name])[:40]!r}")
    if meta["layout"] not in LAYOUTS:
        raise ValueError(f"its layout cannot be {meta['layout'][:40]!r}")
    if extra := meta.keys() - _KINDS.keys() - {"proof"}:
        raise ValueError(f"it has {min(extra)[:40]!r} besides")
    proof = meta.get("proof", ["", ""])
    if not all(isinstance(text, str) for text in [*meta["scalars"], *proof]) or len(proof) != 2:
        raise ValueError("its scalars and proof must be texts")
    return dict(meta)


_KINDS: dict[str, Any] = {
    "scalars": list,
    "method": str,
    "layer": str,
    "baseline": str,
    "seed": (int, type(None)),
    "settings": dict,
    "positive": bool,
    "layout": str,
    "spec": (dict, type(None)),
}
_ARRAYS = ("values", "inputs", "target", "scores", "outputs")
_PROOF = ("total", "promised", "allowed")
_TEXTS = tuple(f.name for f in fields(Explanation) if f.name not in (*_ARRAYS, "proof", "extras"))
_NAMES = re.compile(r"[a-z]+(?:\.[\w]+)*(?:[\w. :-]*)")


def answer(question: Question, scalar: Scalar, y: Array, values: Array, *, method: str, **more: Any) -> Explanation:
    """Return the explanation of a question, whose scores are y, in the order of its input."""
    before = question.reading.before
    taken_off = {"before": before} if before else {}
    settings = {"scalar": question.kind, **taken_off}
    settings |= more.pop("settings", {})
    extras = {name: question.outward(extra) for name, extra in more.pop("extras", {}).items()}
    return Explanation(
        question.outward(values), question.given, scalar.texts, scalar.classes, scalar.values(y), y, method,
        settings=settings, extras=extras, layout=LAYOUTS[question.turned], spec=question.spec, **more,
    )  # fmt: skip


def exactness(total: Array, promised: Array, values: Array) -> Array:
    """Return the difference (N,) that rounding explains for a method whose promise is exact."""
    if total.shape != promised.shape:
        raise ArgumentError(f"Proof: total {total.shape} and promised {promised.shape} must have one shape.")
    sizes = np.abs(values.reshape(len(values), -1)).sum(axis=1, dtype=np.float64)
    return np.asarray(2000 * np.finfo(values.dtype).eps * (sizes + np.abs(promised)))


def sums(values: Array) -> Array:
    """Return the sum of each sample's values (N,), in float64."""
    return np.asarray(values.reshape(len(values), -1).sum(axis=1, dtype=np.float64))
