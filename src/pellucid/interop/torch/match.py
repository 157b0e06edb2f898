"""Which module of theirs is which layer of ours: by name where names agree, else by order and shape.

A state dictionary as safetensors has lost the order of its modules: the official writer sorts names. So modules of
one shape are put in the natural order of their names, in which 10 comes after 9, and that order is believed only
where two names differ in a number first: conv1 and conv2, layer1.0 and layer1.1. Whether encoder or decoder comes
first, no name tells. A normalisation goes with the layer before it: bn1 with conv1, downsample.1 with downsample.0.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from pellucid.interop.header import TensorInfo
from pellucid.interop.torch.layout import Leaf
from pellucid.typing import Shape

Signature: TypeAlias = tuple[tuple[str, Shape], ...]
IGNORED = "num_batches_tracked"


class Module(NamedTuple):
    """The tensors of one module of theirs, by their last names."""

    name: str
    tensors: dict[str, TensorInfo]


class Unclear(Exception):
    """Two orders are possible, or a name in `names` is not known."""


def modules(tensors: Mapping[str, TensorInfo]) -> dict[str, Module]:
    """Return the modules of a state dictionary in the order of their definition, as far as names tell."""
    found: dict[str, Module] = {}
    for name, info in tensors.items():
        place, _, key = name.rpartition(".")
        if key != IGNORED:
            found.setdefault(place, Module(place, {})).tensors[key] = info
    return dict(sorted(found.items(), key=lambda item: _tokens(item[0])))


def match(leaves: Iterable[Leaf], theirs: Mapping[str, Module], names: Mapping[str, str]) -> dict[str, str]:
    """Return the module of each layer, by our path; those without a counterpart are left out.

    Raises
    ------
    Unclear
        If names and shapes leave several ways.
    """
    waiting = {leaf.path: leaf for leaf in leaves}
    free = dict(theirs)
    pairs: dict[str, str] = {}

    def settle(found: Mapping[str, str]) -> None:
        for path, name in found.items():
            pairs[path] = name
            del waiting[path], free[name]

    settle(_by_names(waiting, free, names))
    settle(_of_one_name(waiting, free))
    for norms in (False, True):
        for signature, group in _groups(waiting.values(), norms).items():
            candidates = [module.name for module in free.values() if _their_signature(module) == signature]
            if len(candidates) == len(group):
                settle(_paired(group, candidates, pairs if norms else {}))
    return pairs


def _by_names(ours: Mapping[str, Leaf], theirs: Mapping[str, Module], names: Mapping[str, str]) -> dict[str, str]:
    """What the user said; tensors or whole modules."""
    found: dict[str, str] = {}
    for their, our in names.items():
        module = their if their in theirs else their.rpartition(".")[0]
        path = our if our in ours else our.rpartition(".")[0]
        if module not in theirs or path not in ours:
            wrong, known = (their, theirs) if module not in theirs else (our, ours)
            raise Unclear(f"names: there is no {wrong!r}; known are {', '.join(known)}")
        found[path] = module
    if len(set(found.values())) < len(found):
        raise Unclear("names: two layers are to have the same tensors")
    return found


def _of_one_name(ours: Mapping[str, Leaf], theirs: Mapping[str, Module]) -> dict[str, str]:
    """Those that both call the same, a dot being as good as an underscore, where the shapes agree too."""
    by_name = {name.replace(".", "_").lower(): name for name in theirs}
    found = {}
    for path, leaf in ours.items():
        name = by_name.get(path.replace(".", "_").lower())
        if name is not None and _their_signature(theirs[name]) == signature_of(leaf):
            found[path] = name
    return found


def _groups(ours: Iterable[Leaf], norms: bool) -> dict[Signature, list[Leaf]]:
    groups: dict[Signature, list[Leaf]] = defaultdict(list)
    for leaf in ours:
        if leaf.normalizes == norms:
            groups[signature_of(leaf)].append(leaf)
    return groups


def signature_of(leaf: Leaf) -> Signature:
    """The names and shapes of a layer's arrays, as PyTorch has them."""
    return tuple(sorted((key, move.theirs) for key, move in leaf.moves.items()))


def _their_signature(module: Module) -> Signature:
    """The same of a module: a kernel of sequences is one of images of one row, and running statistics come with gamma
    and beta.
    """
    shapes = {key: info.shape for key, info in module.tensors.items()}
    if len(shapes.get("weight", ())) == 3 and "running_mean" not in shapes:
        a, b, k = shapes["weight"]
        shapes["weight"] = (a, b, 1, k)
    if "running_mean" in shapes:
        shapes = {"weight": shapes["running_mean"], "bias": shapes["running_mean"], **shapes}
    return tuple(sorted(shapes.items()))


def _paired(ours: list[Leaf], theirs: list[str], known: Mapping[str, str]) -> dict[str, str]:
    """Pair layers and modules of one shape."""
    beside = {leaf.path: [name for name in theirs if _are_beside(known.get(leaf.above), name)] for leaf in ours}
    if all(len(names) == 1 for names in beside.values()):
        found = {path: names[0] for path, names in beside.items()}
        if len(set(found.values())) == len(found):
            return found
    for one, other in pairwise(theirs):
        if not _tells(one, other):
            raise Unclear(f"{one!r} and {other!r} have the same shapes, and their names do not tell which comes first")
    return {leaf.path: name for leaf, name in zip(ours, theirs, strict=True)}


# Names


_Token: TypeAlias = tuple[int, int, str]


def _tokens(name: str) -> list[_Token]:
    """A name in its words and numbers, to be compared one by one; a number is smaller than a word."""
    parts = re.findall(r"\d{1,18}|[^\d._]+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _tells(one: str, other: str) -> bool:
    """Whether the first difference of two names is one of numbers."""
    for a, b in zip(_tokens(one), _tokens(other), strict=False):
        if a != b:
            return a[0] == b[0] == 0
    return False


def _are_beside(layer: str | None, norm: str) -> bool:
    """Whether a normalisation is named as the one that follows a layer: conv1, bn1; 0, 1; conv, norm in one block."""
    if layer is None:
        return False
    before, after = layer.split("."), norm.split(".")
    parts = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    if len(before) != len(after) or len(parts) != 1:
        return False
    one, other = (_tokens(part) for part in parts[0])
    tokens = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    if len(one) != len(other) or len(tokens) != 1:
        return False
    (a, b) = tokens[0]
    next_in_row = len(one) == 1 and before[-1] != after[-1] and b == (0, a[1] + 1, "")
    return a[0] == b[0] == 1 or (a[0] == 0 and next_in_row)
