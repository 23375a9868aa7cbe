"""Whether two arms differ in a rate of bad events, looked at as often as anybody likes.

A bucket is a span of time in which labels arrived: of each arm the rows and, among them, the bad events (legitimate
messages that were flagged, spam that was missed, requests that failed). Given the rows of both arms and the events of
both together, how many of the events fell to the treatment says which arm is worse, and nothing else does. Were the
arms alike, that number would be hypergeometric, whatever the rate is and however the traffic is shared out; were the
odds of an event e^a times as high in the treatment, it would follow Fisher's noncentral hypergeometric distribution.
The ratio of the two probabilities has the expectation 1 if the arms are alike. So has, given the past, the product
over buckets: it is a martingale, and so is a mean of such products over several a. By Ville's inequality it reaches
1 / alpha with a probability of at most alpha, ever. Hence "e-value", and hence the freedom to look at any time.

What this buys over pooled counts: neither a rate that drifts, nor shares of traffic that change (a ramp), nor both at
once can feign a difference, because a bucket is compared with itself alone. The order within a bucket is not needed.
What it asks: a bucket is closed before it is added, at a time that does not hang on its outcomes, and is added once;
labels go by when they arrived. Between two buckets the e-value stays, so a look in between is as good as the last one.
Rows are units that were assigned to arms independently: with an experiment that is sticky by sender, the first label
of each sender alone, since later ones are no new draw.

Failures come in clumps: a batch of the version times out, a stage is away for two seconds, and many units of one arm
fail at once although nothing is wrong with the arm. For them a bucket is one draw, however many rows it has
(`log_bets`): were the arms alike, the expected difference of the shares that failed is 0, whichever way the failures
clump within the bucket, so a bet on that difference is fair. One bucket at most doubles the e-value.

Ville 1939; Robbins 1970 (mixtures); Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
betting" (bets on shares); Turner, Ly and Grünwald 2024, "Generic E-variables for exact sequential k-sample
tests that allow for optional stopping" (products over blocks of a two-by-two table); Ramdas et al. 2023,
"Game-theoretic statistics and safe anytime-valid inference".
"""

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InvalidField

Logs = NDArray[np.float64]

#: Log odds ratios that are bet on, half of the stake on either side: 1.03 to 55 times the odds, by powers of two.
_STEPS = 2.0 ** (np.arange(-10, 5) / 2)
ALTERNATIVES: Logs = np.concatenate([-_STEPS[::-1], _STEPS])
#: Parts of the wealth that are bet on a share: where each arm has one row, the two ways of counting are one.
STAKES: Logs = np.tanh(ALTERNATIVES / 2)
_SIDE = len(_STEPS)
_LARGEST = 700.0  #: logarithm of the largest e-value that is told apart


class Count(msgspec.Struct, frozen=True):
    """Rows of one arm, and the bad events among them.

    Raises:
        InvalidField: there are fewer than none, or more events than rows.
    """

    events: int = 0
    rows: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.events <= self.rows:
            raise InvalidField(f"{self.events} events among {self.rows} rows", field="$.events")

    @property
    def rate(self) -> float | None:
        """Share 0-1; None without rows."""
        return self.events / self.rows if self.rows else None

    def __add__(self, other: "Count") -> "Count":
        return Count(self.events + other.events, self.rows + other.rows)

    def __sub__(self, part: "Count") -> "Count":
        return Count(self.events - part.events, self.rows - part.rows)


class Bucket(msgspec.Struct, frozen=True):
    """What arrived of both arms in one span of time; nothing unless told."""

    control: Count = Count()
    treatment: Count = Count()

    @property
    def expected(self) -> float:
        """Events of the treatment, were the arms alike."""
        events, rows = self.control.events + self.treatment.events, self.control.rows + self.treatment.rows
        return events * self.treatment.rows / rows if rows else 0.0

    def __add__(self, other: "Bucket") -> "Bucket":
        """Totals, for showing and for intervals. As evidence, two buckets say more than their sum."""
        return Bucket(self.control + other.control, self.treatment + other.treatment)

    def __sub__(self, part: "Bucket") -> "Bucket":
        return Bucket(self.control - part.control, self.treatment - part.treatment)


class Evidence(msgspec.Struct, frozen=True):
    """Everything that is known after some buckets. Small, and can be stored, read back and added to.

    Raises:
        InvalidField: stored with other alternatives than those of today.
    """

    control: Count = Count()
    treatment: Count = Count()
    expected: float = 0.0  #: events of the treatment, were the arms alike: the sum over buckets
    log_ratios: tuple[float, ...] = (0.0,) * (2 * _SIDE)  #: of each of ALTERNATIVES, or STAKES, against none

    def __post_init__(self) -> None:
        if len(self.log_ratios) != 2 * _SIDE:
            raise InvalidField(f"must be {2 * _SIDE} numbers", field="$.log_ratios")

    def add(self, bucket: Bucket, ratios: Callable[[Bucket], Logs] | None = None) -> "Evidence":
        """With one more bucket, which is closed and was not added before.

        Args:
            ratios: `log_ratios` unless told, or `log_bets`; the same for all buckets.
        """
        logs = (ratios or log_ratios)(bucket)
        return Evidence(
            control=self.control + bucket.control,
            treatment=self.treatment + bucket.treatment,
            expected=self.expected + bucket.expected,
            log_ratios=tuple((np.asarray(self.log_ratios) + logs).tolist()),
        )

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            self.control + other.control,
            self.treatment + other.treatment,
            self.expected + other.expected,
            tuple((np.asarray(self.log_ratios) + np.asarray(other.log_ratios)).tolist()),
        )

    def __sub__(self, part: "Evidence") -> "Evidence":
        """What is left without a part of it."""
        return Evidence(
            self.control - part.control,
            self.treatment - part.treatment,
            self.expected - part.expected,
            tuple((np.asarray(self.log_ratios) - np.asarray(part.log_ratios)).tolist()),
        )

    @property
    def more(self) -> float:
        """E-value that the treatment's rate is the higher one: one-sided, for guardrails.

        It holds against every rate of the treatment up to the control's, since less of it only makes it smaller.
        """
        return _bounded(_log_mean(np.asarray(self.log_ratios[_SIDE:])))

    @property
    def fewer(self) -> float:
        """E-value that the treatment's rate is the lower one."""
        return _bounded(_log_mean(np.asarray(self.log_ratios[:_SIDE])))

    @property
    def either(self) -> float:
        """E-value that the rates differ: two-sided, for reports. The larger of `more` and `fewer` names the side."""
        return (self.more + self.fewer) / 2


def log_ratios(bucket: Bucket) -> Logs:
    """float64[len(ALTERNATIVES)]: log of how much likelier the bucket is under each than were the arms alike.

    All are 0 for a bucket that cannot tell: rows of one arm only, no event, or nothing but events.
    """
    treated, others = bucket.treatment.rows, bucket.control.rows
    events = bucket.treatment.events + bucket.control.events
    low, high = max(0, events - others), min(events, treated)  # how many events may have fallen to the treatment
    if low == high:
        return np.zeros(len(ALTERNATIVES))
    k = np.arange(low, high + 1, dtype=np.float64)
    at = k[:-1]
    growth = np.log((treated - at) * (events - at)) - np.log((at + 1) * (others - events + at + 1))
    weights = np.concatenate([[0.0], np.cumsum(growth)])  # hypergeometric, but for a factor
    alike = _log_sum(weights)
    totals = np.array([_log_sum(weights + a * k) for a in ALTERNATIVES])  # one by one: a bucket may have many events
    return np.asarray(ALTERNATIVES * bucket.treatment.events - totals + alike)


def log_bets(bucket: Bucket) -> Logs:
    """float64[len(STAKES)]: log of what each bet on the difference of the shares of events returns.

    All are 0 for a bucket with rows of one arm only. The rates need not be constant, nor the rows independent; what is
    asked is that neither arm's rows are expected to fail more often, given the past: clumps must end with the bucket.
    """
    ours, theirs = bucket.treatment.rate, bucket.control.rate
    if ours is None or theirs is None:
        return np.zeros(len(STAKES))
    return np.asarray(np.log1p(STAKES * (ours - theirs)))


def _log_sum(logs: Logs) -> float:
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most).sum()))


def _log_mean(logs: Logs) -> float:
    return _log_sum(logs) - math.log(len(logs))


def _bounded(log: float) -> float:
    return math.exp(min(log, _LARGEST))
