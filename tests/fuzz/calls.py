"""Random calls of public functions with wrong arguments: each gives one of the package's errors, or a result.

    cd tests && python -m fuzz.calls --number 50000
    cd tests && python -m fuzz.calls --only 1234        # one of them again, with its traceback

Every call runs in a child process in bounded memory and time. The number decides the call.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import defaultdict
from functools import cache, partial
from pathlib import Path

import numpy as np

from fuzz.sandbox import Failure, judge, survey
from fuzz.targets import Target, call, evaluated, targets
from fuzz.values import furnish


@cache
def known(part: str = "") -> list[Target]:
    """The targets whose names hold `part`."""
    return [target for target in targets() if part in target.name]


def program(number: int, part: str = "") -> str:
    """The call of that number."""
    rng = np.random.default_rng([number, 77])
    return call(known(part)[rng.integers(len(known(part)))], rng)


def attempt(number: int, part: str = "") -> Failure | None:
    """Make the call in a folder with files to name; return what is wrong with how it ended."""
    furnish()
    text = program(number, part)
    failure = judge(number, text, lambda: evaluated(text))
    # Two thousand million repetitions are a long time, and what was asked for.
    return None if failure and failure.kind == "Overtime" and "2**" in text else failure


def main() -> int:
    """Survey the calls, and print the failures with the shortest program of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=50_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--part", default="", help="only functions whose names hold this, such as pl.kernels.")
    options = parser.parse_args()
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if options.only is not None:
            text = program(options.only, options.part)
            print(text)
            os.chdir(folder)
            furnish()
            print(evaluated(text))
            return 0
        known(options.part)
        numbers = range(options.first, options.first + options.number)
        whole = partial(program, part=options.part)
        failures = survey(partial(attempt, part=options.part), numbers, Path(folder), whole)
    kinds = defaultdict(list)
    for failure in failures:
        kinds[failure.kind.split(":")[0], failure.where].append(failure)
    for found in sorted(kinds.values(), key=len, reverse=True):
        print(f"{len(found)} times: {min(found, key=lambda f: len(f.program))}")
    print(f"{options.number} calls, {len(failures)} failures of {len(kinds)} kinds")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
