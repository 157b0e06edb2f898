"""The result: indexing, proofs, maps, files that come back bit for bit, and damaged ones that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import explain
from pellucid.errors import DataError, FileFormatError, ShapeError, UnknownNameError
from pellucid.explain import Explanation, Proof


def test_indexing_gives_a_smaller_explanation(cnn, x):
    whole = explain.lrp(cnn, x, [0, 1, 2, 0])
    one, last, some = whole[1], whole[-1], whole[1:3]

    assert (len(one), len(some)) == (1, 2)
    assert one.scalars == ("logit of class 1",)
    assert np.array_equal(whole.values[1:2], one.values)
    assert np.array_equal(whole.values[3:], last.values)
    assert np.array_equal(whole.proof.total[1:3], some.proof.total)
    assert np.array_equal(whole.proof.ledger["bias"][1:3], some.proof.ledger["bias"])
    assert np.array_equal(whole.extras["lost in dense"][1:2], one.extras["lost in dense"])
    assert [len(part) for part in whole] == [1, 1, 1, 1]
    with pytest.raises(IndexError, match=r"index 4 is outside of 0\.\.3"):
        whole[4]


def test_a_proof_says_by_how_much_it_holds_or_fails():
    proof = Proof("completeness", "Σ = S", np.array([1.0, 2.0]), np.array([1.0, 1.5]), np.array([0.1, 0.1]))

    assert proof.residual.tolist() == [0, 0.5]
    assert proof.holds.tolist() == [True, False]
    assert proof.line(0) == "completeness holds: 1 of 1 (+0.0e+00)"
    assert proof.line(1) == "completeness FAILS: 2 of 1.5 (+5.0e-01)"
    assert proof.short(1) == "completeness off by 5e-01 ✗"
    assert str(proof) == "\n".join(["Σ = S", proof.line(0), proof.line(1)])


def test_a_printed_proof_of_many_samples_says_how_many_hold():
    proof = Proof("completeness", "Σ = S", np.zeros(20), np.arange(20) / 10, np.full(20, 0.55))

    assert str(proof).splitlines()[-1] == "… holds for 6 of 20 samples, largest residual 1.9e+00"


def test_maps_sum_channels_or_take_the_largest(linear, x):
    result = explain.saliency(linear, x, 0)

    np.testing.assert_allclose(result.maps(), result.values.sum(3))
    np.testing.assert_allclose(result.maps("max-abs"), np.abs(result.values).max(3))
    with pytest.raises(UnknownNameError, match="unknown reduction 'mean'"):
        result.maps("mean")


SAVED = [explain.saliency, explain.lrp, explain.grad_cam, explain.occlusion, explain.smoothgrad]


@pytest.mark.parametrize("method", SAVED)
def test_a_saved_explanation_comes_back_bit_for_bit(cnn, x, tmp_path, method):
    saved = method(cnn, x)
    saved.save(tmp_path / "map.npz")
    loaded = Explanation.load(tmp_path / "map.npz")

    for name in ("values", "inputs", "target", "scores", "outputs"):
        assert np.array_equal(getattr(saved, name), getattr(loaded, name))
        assert getattr(saved, name).dtype == getattr(loaded, name).dtype
    for name in ("scalars", "method", "layer", "baseline", "seed", "settings", "positive"):
        assert getattr(saved, name) == getattr(loaded, name), name
    assert saved.extras.keys() == loaded.extras.keys()
    assert all(np.array_equal(saved.extras[key], loaded.extras[key]) for key in saved.extras)
    assert (saved.proof is None) == (loaded.proof is None)
    if saved.proof is not None:
        assert saved.proof.line(2) == loaded.proof.line(2)
        assert all(np.array_equal(v, loaded.proof.ledger[k]) for k, v in saved.proof.ledger.items())


def test_a_damaged_file_is_refused(cnn, x, tmp_path):
    path = tmp_path / "map.npz"
    explain.saliency(cnn, x).save(path)
    whole = path.read_bytes()

    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match="damaged"):
        Explanation.load(path)
    path.write_bytes(whole.replace(b"saliency", b"salience"))
    with pytest.raises(FileFormatError):
        Explanation.load(path)
    np.savez(path, values=x)
    with pytest.raises(FileFormatError, match="no saved explanation"):
        Explanation.load(path)
    np.savez(path, values=np.array([object()]), allow_pickle=True)
    with pytest.raises(FileFormatError):
        Explanation.load(path)
    with pytest.raises(DataError, match=r"there is no file .*Did you mean .*map\.npz"):
        Explanation.load(tmp_path / "maps.npz")


def test_sizes_that_do_not_agree_are_refused(cnn, x, tmp_path):
    path = tmp_path / "map.npz"
    explain.saliency(cnn, x).save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["scores"] = arrays["scores"][:2]
    np.savez(path, **arrays)

    with pytest.raises(FileFormatError, match="no saved explanation"):
        Explanation.load(path)


def test_saving_into_no_folder_is_refused_and_leaves_nothing(cnn, x, tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        explain.saliency(cnn, x).save(tmp_path / "none" / "map.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "shape"), [(9, (3, 3)), (6, (1, 6)), (64, (8, 8)), (50, (1, 50)), (65, None)])
def test_vectors_are_drawn_as_squares_or_short_strips(rng, size, shape):
    import pellucid as pl

    network = pl.Sequential([pl.Affine(2)], input_shape=size)
    found = explain.saliency(network, rng.standard_normal((2, size)))
    if shape is None:
        with pytest.raises(ShapeError, match="are no images"):
            found.maps()
    else:
        assert found.maps().shape == (2, *shape)
