import math
from collections.abc import Iterator
from itertools import pairwise, product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField
from pipeline.evidence import ALTERNATIVES, STAKES, Bucket, Count, Evidence, log_bets, log_ratios

SIDES = ("more", "fewer", "either")

counts = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: Count(min(pair), max(pair)))
buckets = st.builds(Bucket, counts, counts)
rates = st.floats(0.0, 1.0)


def gathered(*found: Bucket) -> Evidence:
    evidence = Evidence()
    for bucket in found:
        evidence = evidence.add(bucket)
    return evidence


def outcomes(rows: tuple[int, int], p: float, q: float) -> Iterator[tuple[float, Bucket]]:
    """Every bucket of that many rows, with its probability."""
    for a, b in product(range(rows[0] + 1), range(rows[1] + 1)):
        control = math.comb(rows[0], a) * p**a * (1 - p) ** (rows[0] - a)
        yield (
            control * math.comb(rows[1], b) * q**b * (1 - q) ** (rows[1] - b),
            Bucket(Count(a, rows[0]), Count(b, rows[1])),
        )


def expected(before: Evidence, rows: tuple[int, int], p: float, q: float) -> dict[str, float]:
    """Expectation of each e-value after one more bucket."""
    after = [(chance, before.add(bucket)) for chance, bucket in outcomes(rows, p, q)]
    return {side: sum(chance * getattr(evidence, side) for chance, evidence in after) for side in SIDES}


@given(buckets, st.tuples(st.integers(0, 4), st.integers(0, 4)), rates)
def test_alike_arms_are_expected_to_leave_the_e_values_as_they_were(
    past: Bucket, rows: tuple[int, int], rate: float
) -> None:
    before = gathered(past)
    assert expected(before, rows, rate, rate) == pytest.approx({side: getattr(before, side) for side in SIDES})


@given(st.tuples(st.integers(0, 5), st.integers(0, 5)), rates, rates)
def test_a_better_treatment_is_not_expected_to_look_worse(rows: tuple[int, int], p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert expected(Evidence(), rows, high, low)["more"] <= 1 + 1e-9
    assert expected(Evidence(), rows, low, high)["fewer"] <= 1 + 1e-9


def test_a_worse_treatment_is_expected_to_look_worse() -> None:
    assert expected(Evidence(), (5, 5), 0.1, 0.6)["more"] > 1.2


def test_no_share_of_paths_above_one_in_alpha_reaches_it() -> None:
    """Ville's inequality on every path of five buckets of two rows an arm, weighed by its probability."""
    alpha, rate = 0.3, 0.5
    moves = [(chance, log_ratios(bucket)) for chance, bucket in outcomes((2, 2), rate, rate)]
    reached, going = 0.0, [(1.0, np.zeros(len(ALTERNATIVES)))]
    for _ in range(5):
        after = [(chance * odds, logs + step) for chance, logs in going for odds, step in moves]
        hit = [np.exp(logs).mean() >= 1 / alpha for _, logs in after]
        reached += sum(chance for (chance, _), is_hit in zip(after, hit, strict=True) if is_hit)
        going = merged([path for path, is_hit in zip(after, hit, strict=True) if not is_hit])
    assert 0.0 < reached <= alpha
    assert reached + sum(chance for chance, _ in going) == pytest.approx(1.0)


def merged(paths: list[tuple[float, np.ndarray]]) -> list[tuple[float, np.ndarray]]:
    """Paths that know the same, as one."""
    same: dict[tuple[float, ...], tuple[float, np.ndarray]] = {}
    for chance, logs in paths:
        key = tuple(np.round(logs, 9))
        same[key] = (same.get(key, (0.0, logs))[0] + chance, logs)
    return list(same.values())


@given(buckets)
def test_exchanging_the_arms_exchanges_the_sides(bucket: Bucket) -> None:
    there, back = gathered(bucket), gathered(Bucket(bucket.treatment, bucket.control))
    assert there.more == pytest.approx(back.fewer)
    assert there.either == pytest.approx(back.either)


@given(buckets)
def test_counting_good_events_instead_exchanges_the_sides(bucket: Bucket) -> None:
    def good(count: Count) -> Count:
        return Count(count.rows - count.events, count.rows)

    assert gathered(bucket).more == pytest.approx(gathered(Bucket(good(bucket.control), good(bucket.treatment))).fewer)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 59))
def test_the_more_of_the_events_fall_to_the_treatment_the_stronger(control: int, treatment: int, events: int) -> None:
    events = min(events, control + treatment - 1)
    falls = range(max(0, events - control), min(events, treatment) + 1)
    found = [gathered(Bucket(Count(events - k, control), Count(k, treatment))) for k in falls]
    assert all(a.more < b.more and a.fewer > b.fewer for a, b in pairwise(found))


def test_a_single_event_bets_on_the_share_of_the_traffic() -> None:
    """One event among 100 labels, 20 of them the treatment's: 1 in 5 if alike, odds / (odds + 4) if not."""
    odds = np.exp(ALTERNATIVES)
    assert log_ratios(Bucket(Count(0, 80), Count(1, 20))) == pytest.approx(np.log(5 * odds / (odds + 4)))


@pytest.mark.parametrize(
    "bucket",
    [
        Bucket(),
        Bucket(Count(3, 50), Count()),
        Bucket(Count(), Count(3, 50)),
        Bucket(Count(0, 50), Count(0, 50)),
        Bucket(Count(50, 50), Count(50, 50)),
    ],
)
def test_buckets_that_cannot_tell_change_nothing(bucket: Bucket) -> None:
    before = gathered(Bucket(Count(1, 40), Count(4, 40)))
    assert before.add(bucket).log_ratios == before.log_ratios


@given(st.lists(buckets, max_size=5), st.randoms())
def test_the_order_of_buckets_does_not_matter(found: list[Bucket], random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert gathered(*found).log_ratios == pytest.approx(gathered(*shuffled).log_ratios)


@given(st.lists(buckets, max_size=4), buckets)
def test_stored_evidence_goes_on_where_it_was(found: list[Bucket], last: Bucket) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(gathered(*found)), type=Evidence)
    assert stored.add(last) == gathered(*found, last)


def test_a_rate_that_drifts_while_traffic_shifts_is_no_evidence() -> None:
    """Pooled, 55 of 1,000 against 15 of 1,000; within each bucket the arms are the same."""
    evidence = gathered(Bucket(Count(9, 900), Count(1, 100)), Bucket(Count(6, 100), Count(54, 900)))
    assert evidence.treatment.rate == pytest.approx(0.055)
    assert evidence.control.rate == pytest.approx(0.015)
    assert evidence.expected == pytest.approx(evidence.treatment.events)
    assert evidence.either < 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_bet_on_failures_is_fair_however_they_clump(fates: list[tuple[int, int, float]]) -> None:
    """Each minute, of some, either none or all of an arm's rows fail, and which arm's is a toss."""
    bets = []
    for control, treatment, chance in fates:
        either = [Bucket(Count(control * a, control), Count(treatment * b, treatment)) for a, b in ((1, 0), (0, 1))]
        none = np.exp(log_bets(Bucket(Count(0, control), Count(0, treatment))))
        bets.append(chance / 2 * sum(np.exp(log_bets(bucket)) for bucket in either) + (1 - chance) * none)
    assert np.prod(bets, axis=0) == pytest.approx(np.ones(len(STAKES)))


def test_a_failed_batch_is_one_draw_and_an_outage_of_both_arms_none() -> None:
    failed = Bucket(Count(0, 3_800), Count(200, 200))
    assert gathered(failed).more > 1e100  # were the rows draws of their own
    assert Evidence().add(failed, log_bets).more < 2
    outage = Bucket(Count(380, 3_800), Count(20, 200))
    assert Evidence().add(outage, log_bets).more == pytest.approx(1)


def test_what_fails_minute_by_minute_is_found() -> None:
    evidence, minutes = Evidence(), 0
    while evidence.more < 60:
        evidence, minutes = evidence.add(Bucket(Count(0, 500), Count(10, 50)), log_bets), minutes + 1
    assert 20 < minutes < 60


@given(st.booleans(), st.booleans())
def test_with_one_row_an_arm_both_ways_of_counting_are_one(ours: bool, theirs: bool) -> None:
    bucket = Bucket(Count(int(theirs), 1), Count(int(ours), 1))
    assert log_bets(bucket) == pytest.approx(log_ratios(bucket))


@given(buckets, buckets)
def test_what_is_taken_away_is_as_if_it_had_not_been_added(kept: Bucket, part: Bucket) -> None:
    left = gathered(kept, part) - gathered(part)
    assert (left.control, left.treatment) == (kept.control, kept.treatment)
    assert left.log_ratios == pytest.approx(gathered(kept).log_ratios, abs=1e-6)
    assert (left + gathered(part)).log_ratios == pytest.approx(gathered(kept, part).log_ratios, abs=1e-6)


def test_overwhelming_evidence_is_a_number() -> None:
    evidence = gathered(Bucket(Count(0, 5_000), Count(5_000, 5_000)))
    assert 1e100 < evidence.more < evidence.either * 3 < math.inf
    assert evidence.fewer < 1e-3


@pytest.mark.parametrize(("events", "rows"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(events: int, rows: int) -> None:
    with pytest.raises(InvalidField):
        Count(events, rows)


def test_evidence_of_other_alternatives_is_refused() -> None:
    with pytest.raises(InvalidField) as refused:
        Evidence(log_ratios=(0.0, 0.0))
    assert refused.value.field == "$.log_ratios"
