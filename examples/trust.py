"""Which explanations can be believed: two methods on one network, beside maps that know nothing of it.

python examples/trust.py [--quick]
"""

import argparse
from functools import partial
from pathlib import Path

import pellucid as pl
from pellucid.models.sprint_net import sprint_net

PUBLISHED = "guided maps stay when the later layers are random, gradients do not (Adebayo et al. 2018, no figure)"
RUNS = Path("runs")
METHODS = {"gradient": pl.explain.saliency, "guided": partial(pl.explain.saliency, rule="guided")}


def main(samples: int, epochs: int, images: int) -> None:
    train, test = pl.mnist(flatten=False)
    network = sprint_net(seed=0)
    pl.fit(network, train[:samples], epochs=epochs, batch_size=50, optimizer=pl.Adam(), progress=False)
    print(f"test accuracy {pl.evaluate(network, test).accuracy:.4f}, after {samples:,} samples")

    cards = {}
    RUNS.mkdir(exist_ok=True)
    for name, method in METHODS.items():
        cards[name] = pl.explain.evaluate.trust_card(network, method, test, images=images)
        print(f"\n{cards[name]}")
        cards[name].plot().savefig(RUNS / f"trust_{name}.png")

    # The likeness of the maps before and after the dense layers, which alone tell the classes apart, are drawn anew.
    likeness = [f"{name} {cards[name].row('later layers').value}" for name in METHODS]
    print(f"\npublished  {PUBLISHED}")
    print(f"ours       likeness with random later layers: {', '.join(likeness)}")

    # The picture alone would have convinced: the guided map is the cleaner one.
    pl.explain.all_classes(network, test.x[4]).plot().savefig(RUNS / "trust_maps.png")
    print(f"wrote {', '.join(str(RUNS / f'trust_{name}.png') for name in [*METHODS, 'maps'])}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples and images")
    quick = parser.parse_args().quick
    main(*((2000, 1, 8) if quick else (6000, 3, 32)))
