"""The smallest network: two layers of sigmoid units without biases learn a truth table of three inputs.

python examples/truth_table.py [--quick]
"""

import argparse

import pellucid as pl

PUBLISHED = "1,500 iterations, prediction beside truth, the loss falling"


def main(iterations: int) -> None:
    x, t = pl.TRUTH_TABLE
    network = pl.TruthTableNet(x, t)
    losses = network.train(iterations)

    print("inputs    truth  prediction")
    for row, truth, prediction in zip(x, t[:, 0], network.feedforward()[:, 0], strict=True):
        print(f"{row.astype(int)}     {truth:.0f}      {prediction:.3f}")

    falling = all(after < before for before, after in zip(losses, losses[1:], strict=False))
    print(f"published  {PUBLISHED}")
    print(
        f"ours       {iterations:,} iterations, loss {losses[0]:.4f} → {losses[-1]:.4f}, "
        f"{'falling at every one' if falling else 'NOT falling at every one'}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 iterations in place of 1,500")
    main(300 if parser.parse_args().quick else 1_500)
