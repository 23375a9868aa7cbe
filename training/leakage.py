"""How much of one set is already known from another: `python -m training.leakage uci:train uci:test`."""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from pipeline.errors import WinnowError
from training.dedupe import exact_key
from training.examples import Example
from training.neardup import Watch, twins, unwatched
from training.progress import bars
from training.sets import GENERATED, NAMES, read_set


class Leakage(msgspec.Struct, frozen=True):
    """Overlap of a test set with a training set."""

    rows: int  #: of the test set
    exact: int  #: test rows whose normalised text is in the training set
    near: int  #: test rows with a near-duplicate in the training set, exact ones included

    @property
    def share(self) -> float:
        """Share 0-1 of the test rows that have a near-duplicate."""
        return self.near / self.rows if self.rows else 0.0


def leakage(train: Sequence[Example], test: Sequence[Example], watch: Watch = unwatched) -> Leakage:
    """Count the rows of `test` that `train` gives away."""
    known = {exact_key(example.text) for example in train}
    same = [exact_key(example.text) in known for example in test]
    near = twins([example.text for example in test], [example.text for example in train], watch)
    return Leakage(rows=len(test), exact=sum(same), near=sum(a or b for a, b in zip(same, near, strict=True)))


def sentence(test: str, train: str, found: Leakage) -> str:
    """The finding in words."""
    exact = found.exact / found.rows if found.rows else 0.0
    return (
        f"of {found.rows:,} rows of {test}, {found.exact:,} ({exact:.1%}) stand in {train} "
        f"and {found.near:,} ({found.share:.1%}) have a near-duplicate there, equal ones included"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="How much of set B a training on set A gives away, and the other way round.",
        epilog=f"Sets: {NAMES}, or a .csv or .jsonl file with a column or key text.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--synthetic", type=int, default=GENERATED, metavar="N", help="messages of a generated set")
    options = parser.parse_args(arguments)
    try:
        with bars() as bar:
            sets = {name: read_set(name, options.synthetic) for name in bar("reading")([options.a, options.b])}
            for test, train in ((options.b, options.a), (options.a, options.b)):
                watch = bar(f"{test} in {train}")
                print(sentence(test, train, leakage(sets[train], sets[test], watch)))
    except WinnowError as error:
        sys.exit(f"error: {error.detail}")


if __name__ == "__main__":
    main()
