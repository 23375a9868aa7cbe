"""Preview of the generator: `python -m training.synthetic --n 20 --seed 1`, `--card` for its data card."""

import argparse

from training.card import card, diversity
from training.synthetic import generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20, help="how many messages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=("train", "heldout"), default="train")
    parser.add_argument("--kind", default="", help="only kinds that start with this")
    parser.add_argument("--card", action="store_true", help="counts and diversity instead of messages")
    options = parser.parse_args()
    examples = generate(options.n, options.seed, options.split)
    if options.card:
        print(card(examples))
        print(diversity([example.text for example in examples]))
        return
    for example in examples:
        if example.kind.startswith(options.kind):
            what = example.intent if example.otp else ""
            print(f"{example.country} {example.kind:20} {what} [{example.sender}] {example.text!r}")


if __name__ == "__main__":
    main()
