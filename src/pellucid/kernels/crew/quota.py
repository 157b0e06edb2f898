"""The share of the processor that a control group of Linux allows, as containers are given it.

A container with one processor's quota on a machine of eight still sees eight. Eight threads would use its quota up in
an eighth of each period and then all stand still, in the middle of a kernel.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

PROCESS = Path("/proc/self")


def quota(process: Path = PROCESS) -> float:
    """How many processors' time this process may use, by the narrowest group above it; infinity where none says."""
    try:
        groups = (process / "cgroup").read_text()
        mounts = (process / "mountinfo").read_text()
    except OSError:
        return math.inf
    return min((_allowed(folder) for folder in _folders(groups, mounts)), default=math.inf)


def _folders(groups: str, mounts: str) -> list[Path]:
    """The folders of this process's groups, from its own up to where they are mounted, in versions 1 and 2."""
    own = {}  # "cpu" or "" (version 2): the path of the group
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        own.update(dict.fromkeys(names.split(","), path))
    folders = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        name = {"cgroup2": "", "cgroup": "cpu"}.get(kind[0] if kind else "")
        if name is None or name not in own or len(fields) < 5 or (name and name not in kind[-1].split(",")):
            continue
        folders += _upwards(Path(_plain(fields[4])), PurePosixPath(_plain(fields[3])), PurePosixPath(own[name]))
    return folders


def _upwards(mount: Path, root: PurePosixPath, group: PurePosixPath) -> list[Path]:
    """A group's folder and those above it. A container sees its own group mounted, under the path that its host has."""
    below = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath(str(group).lstrip("/"))
    if ".." in below.parts:
        return [mount]
    return [mount / below, *(mount / parent for parent in below.parents)]


def _plain(field: str) -> str:
    """A field of mountinfo with its spaces."""
    return field.replace("\\040", " ")


def _allowed(folder: Path) -> float:
    """What one group allows: a quota in microseconds for each period."""
    return min(
        _ratio(_words(folder / "cpu.max")),
        _ratio([*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]),
    )


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except (OSError, ValueError):
        return []


def _ratio(words: list[str]) -> float:
    """("150000", "100000") → 1.5; "max", −1, and what cannot be read, are no bound."""
    try:
        share, period = map(int, words)
    except ValueError:
        return math.inf
    return share / period if share > 0 and period > 0 else math.inf
