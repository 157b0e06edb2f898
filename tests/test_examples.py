"""The examples run as a reader runs them, and print the published figure beside ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

# What each must print: the figure as it was published, and ours in the same words.
FIGURES = {
    "two_layer_net": (r"0\.9785 train / 0\.9687 test, 91\.3 s", r"0\.9\d+ train / 0\.9\d+ test, [\d.]+ s"),
    "network": (r"0\.9542 test", r"0\.\d+ test at best, 0\.\d+ after the last epoch"),
    "truth_table": (r"1,500 iterations", r"300 iterations, loss 1\.\d+ → 0\.\d+, falling at every one"),
    "gradient_check": (r".*1e-7 or better", r"\d\.\de-(0[89]|1\d) at most"),
    "own_data": (r"0\.9687 test", r"0\.\d+ test"),
    "grid_search": (
        r"none; beside it MLPClassifier 0\.9\d+ ± 0\.0+ of the digits kept, [\d.]+ ± 0\.00 s",
        r"PellucidClassifier 0\.9\d+ ± 0\.0+ of the digits kept, [\d.]+ ± 0\.00 s",
    ),
    "trust": (r"guided maps stay .* gradients do not", r"likeness .*: gradient 0\.[0-4]\d ± 0\.\d+, guided 0\.[5-9]\d"),
}
WRITTEN = {
    "two_layer_net": ["two_layer_net.png"],
    "network": ["network.json", "network.png"],
    "own_data": ["own_data.safetensors", "own_data_confusion.png", "own_data_curves.png"],
    "trust": ["trust_gradient.png", "trust_guided.png", "trust_maps.png"],
}


def run(name: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), "--quick", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", FIGURES)
def test_an_example_prints_the_published_figure_beside_ours(name, tmp_path):
    out = run(name, tmp_path)
    published, ours = FIGURES[name]

    assert re.search(rf"^published  {published}", out, re.M), out
    assert re.search(rf"^ours       {ours}", out, re.M), out
    if name == "gradient_check":
        assert "float64: passed" in out
        assert "float64: FAILED" in out
    for file in WRITTEN.get(name, []):
        assert (tmp_path / "runs" / file).stat().st_size > 0


def test_own_data_takes_a_table(tmp_path, rng):
    kinds = ["iris", "lily", "rose"]
    rows = [f"{4 + i % 3 + 0.1 * rng.random():.3f},{0.1 * rng.random():.3f},{kinds[i % 3]}" for i in range(300)]
    (tmp_path / "flowers.csv").write_text("\n".join(["length,width,species", *rows]) + "\n")
    out = run("own_data", tmp_path, "flowers.csv")

    assert "240 samples of shape (2,), 3 classes" in out
    assert re.search(r"^ours       [01]\.\d{4} test", out, re.M), out


def test_every_example_is_run_and_short():
    files = {path.stem: path for path in FOLDER.glob("*.py")}

    assert set(files) == set(FIGURES)
    assert max(len(path.read_text().splitlines()) for path in files.values()) <= 80
