"""A state dictionary in a file, and which of its modules belongs to which layer: all of them, or an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BufferedReader

from pellucid import checks
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import PathLike
from pellucid.interop.header import read_header
from pellucid.interop.tensors import read_tensors
from pellucid.interop.torch.layout import Leaf
from pellucid.interop.torch.match import Module, Unclear, match, modules
from pellucid.typing import Arrays, Shape

PICKLE = (
    "It is a pickle, which can run any program when it is opened and so is not opened here. Where you trust it, "
    "convert it once: state = torch.load(path, weights_only=True); "
    "safetensors.torch.save_file(state, 'model.safetensors')."
)


def read_state(path: PathLike, who: str) -> tuple[dict[str, Module], Arrays]:
    """Return the modules of a state dictionary in a safetensors file, and its tensors."""
    label = f"{who}: {os.fspath(path)}"
    with checks.open_file(who, path) as file:
        _refuse_pickles(file, label)
        header = read_header(file, label)
        return modules(header.tensors), read_tensors(file, header, label)


def _refuse_pickles(file: BufferedReader, label: str) -> None:
    start = file.peek(4)[:4]
    if start[:4] == b"PK\3\4" or start[:1] == b"\x80":
        raise FileFormatError(f"{label}: {PICKLE}")


def pair_up(ours: list[Leaf], theirs: Mapping[str, Module], names: Mapping[str, str], label: str) -> dict[str, str]:
    """Return the module of each layer, by our path.

    Raises
    ------
    ArgumentError
        If `names` does not fit.
    FileFormatError
        Unless every tensor has its place and every array its tensor; it says what was found so far.
    """
    pairs = _matched(ours, theirs, names, label)
    _expect_all(ours, theirs, pairs, label)
    return pairs


def _matched(ours: list[Leaf], theirs: Mapping[str, Module], names: Mapping[str, str], label: str) -> dict[str, str]:
    try:
        return match(ours, theirs, names)
    except Unclear as error:
        kind = ArgumentError if str(error).startswith("names") else FileFormatError
        remedy = "" if kind is ArgumentError else f" Say which: names={{'{next(iter(theirs))}': '{ours[0].path}', …}}."
        raise kind(f"{label}: {error}.{remedy}") from None


def _expect_all(ours: list[Leaf], theirs: Mapping[str, Module], pairs: Mapping[str, str], label: str) -> None:
    wrong = [f"{leaf.path} has no counterpart for {_shapes(leaf)}" for leaf in ours if leaf.path not in pairs]
    wrong += [f"{name} {_told(theirs[name])} has no place" for name in theirs if name not in pairs.values()]
    for leaf in ours:
        if leaf.path in pairs:
            wrong += _differences(leaf, theirs[pairs[leaf.path]])
    if wrong:
        found = ", ".join(f"{name} is {path}" for path, name in pairs.items()) or "nothing"
        raise FileFormatError(
            f"{label}: {'; '.join(wrong[:4])}{f'; and {len(wrong) - 4} more' if len(wrong) > 4 else ''}. "
            f"Found so far: {found}. Where only the order differs, give names={{'theirs': 'ours'}}."
        )


def _differences(leaf: Leaf, module: Module) -> list[str]:
    """What does not agree between a layer and a module that were put together by name."""
    wrong = []
    for key, move in leaf.moves.items():
        info = module.tensors.get(key)
        if info is None and not ("running_mean" in module.tensors and key in ("weight", "bias")):
            wrong.append(f"{module.name} has no {key} for {leaf.path}.{move.key}")
        elif info is not None and _squeezed(info.shape) != _squeezed(move.theirs):
            wrong.append(f"{module.name}.{key} {info.shape} must have shape {move.theirs} for {leaf.path}.{move.key}")
    return wrong + [
        f"{module.name}.{key} has no place in {leaf.path}" for key in module.tensors if key not in leaf.moves
    ]


def _squeezed(shape: Shape) -> Shape:
    """A shape of four axes without the third, where that is 1: a kernel of sequences."""
    return (*shape[:2], shape[3]) if len(shape) == 4 and shape[2] == 1 else shape


def _shapes(leaf: Leaf) -> str:
    return ", ".join(f"{key} {move.theirs}" for key, move in leaf.moves.items())


def _told(module: Module) -> str:
    return ", ".join(f"{key} {info.shape}" for key, info in module.tensors.items())
