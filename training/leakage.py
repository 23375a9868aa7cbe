"""How much of one set is already known from another."""

from collections.abc import Sequence

import msgspec

from training.dedupe import exact_key, twins
from training.examples import Example


class Leakage(msgspec.Struct, frozen=True):
    """Overlap of a test set with a training set."""

    rows: int  #: of the test set
    exact: int  #: test rows whose normalised text is in the training set
    near: int  #: test rows with a near-duplicate in the training set, exact ones included

    @property
    def share(self) -> float:
        """Share 0-1 of the test rows that have a near-duplicate."""
        return self.near / self.rows if self.rows else 0.0


def leakage(train: Sequence[Example], test: Sequence[Example]) -> Leakage:
    """Count the rows of `test` that `train` gives away."""
    known = {exact_key(example.text) for example in train}
    same = [exact_key(example.text) in known for example in test]
    near = twins([example.text for example in test], [example.text for example in train])
    return Leakage(rows=len(test), exact=sum(same), near=sum(a or b for a, b in zip(same, near, strict=True)))
