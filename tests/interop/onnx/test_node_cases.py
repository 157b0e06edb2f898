"""ONNX's own node cases: every float32 case of the operators gives its output, and docs/onnx.md says what is read."""

from __future__ import annotations

import re
from pathlib import Path

from interop.onnx.node_cases import NOT_NETWORKS, OPERATORS, cases, failure, is_float32
from pellucid.interop.onnx.read.registry import operators

PAGE = (Path(__file__).parents[3] / "docs" / "onnx.md").read_text(encoding="utf-8")


def test_the_page_lists_the_operators_that_are_read_and_those_that_are_computed():
    listed = [block.split() for block in re.findall(r"```text\n(.*?)```", PAGE, re.S)]

    assert listed == [sorted(table) for table in operators()]


def test_every_operator_that_was_asked_for_is_read():
    assert set(OPERATORS) <= set().union(*operators())


def test_the_page_says_how_many_node_cases_pass():
    count = sum(case.operator in OPERATORS and is_float32(case) for case in cases()) - len(NOT_NETWORKS)

    assert f"{count} are read and give what they should" in re.sub(r"\s+", " ", PAGE)


def test_every_float32_case_of_the_operators_passes(tmp_path):
    chosen = [case for case in cases() if case.operator in OPERATORS and is_float32(case)]
    failed = {case.name: why for case in chosen if (why := failure(case, tmp_path))}

    assert failed.keys() == NOT_NETWORKS.keys(), failed
    assert len(chosen) - len(failed) >= 250
    print(f"{len(chosen) - len(failed)} node cases pass")
