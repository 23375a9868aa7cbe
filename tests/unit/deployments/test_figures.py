import pytest

from deployments.client import Client
from deployments.evaluation import Pass, in_bulk, one_by_one
from deployments.figures import digest, judge_all, versions
from deployments.figures import report as report_on
from pipeline.errors import Overloaded, Unauthenticated
from tests.support.api_server import KEY, ApiServer
from training.evaluation.results import SetResult
from training.examples import Example


def example(text: str, spam: bool | None) -> Example:
    return Example(text=text, spam=spam, source="test")


def report(messages: list[Example], passes: list[Pass]) -> SetResult:
    return report_on("test", messages, judge_all("test", messages, passes[0].outcomes), passes)


#: 2 spam found, 1 missed; 3 ham let through, 1 taken for spam.
MESSAGES = [
    example("a prize", True),
    example("one more prize", True),
    example("cheap loans", True),
    example("see you", False),
    example("your code is 1", False),
    example("call me", False),
    example("prize-giving at school tonight", False),
]


def ignore(_: int) -> None:
    pass


async def test_decisions_are_counted_against_labels(api: ApiServer):
    async with Client(api.url, KEY) as client:
        found = report(MESSAGES, [await one_by_one(client, MESSAGES, 4, ignore)])
    assert (found.rows, found.positives, found.failed, found.differing) == (7, 3, 0, 0)
    assert [each.decision for each in found.quality] == ["is_spam", "action != deliver", "action == block"]
    for each in found.quality:
        counts = each.confusion
        assert (counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative) == (
            2,
            1,
            1,
            3,
        )
        assert each.accuracy.value == pytest.approx(5 / 7)
        assert each.fpr.value == pytest.approx(1 / 4)
        assert each.recall.value == pytest.approx(2 / 3)
        assert each.mcc.value == pytest.approx((2 * 3 - 1 * 1) / (3 * 3 * 4 * 4) ** 0.5)
        for figure in (each.accuracy, each.fpr, each.recall, each.mcc):
            low, high = figure.interval
            assert low < figure.value < high


async def test_the_second_pass_says_that_it_came_from_the_cache(api: ApiServer):
    async with Client(api.url, KEY) as client:
        passes = [await one_by_one(client, MESSAGES, 2, ignore), await in_bulk(client, MESSAGES, 3, ignore)]
    single, bulk = report(MESSAGES, passes).traffic
    assert (single.messages, single.requests, single.from_cache) == (7, 7, 0)
    assert (bulk.messages, bulk.requests, bulk.from_cache, bulk.cache) == (7, 3, 7, {"memory": 7})
    assert [len(body["messages"]) for body in api.bodies("/v1/classify/batch")].count(3) == 2
    assert 0 < single.latency_ms["p50"] <= single.latency_ms["p95"] <= single.latency_ms["p99"]


async def test_what_fails_is_counted_and_left_out(api: ApiServer):
    messages = [*MESSAGES, example(" ", True)]
    api.faults.append(Overloaded("full"))
    async with Client(api.url, KEY) as client:
        found = report(messages, [await one_by_one(client, messages, 1, ignore)])
    assert found.traffic[0].failed == {"overloaded": 1, "invalid_field": 1}
    assert found.quality[0].confusion.rows == 6


async def test_bulk_tells_bad_items_from_lost_requests(api: ApiServer):
    messages = [example(" ", True), *MESSAGES]
    async with Client(api.url, KEY) as client:
        found = report(messages, [await in_bulk(client, messages, 8, ignore)])
    assert found.traffic[0].failed == {"invalid_field": 1}


async def test_one_kind_of_label_leaves_figures_undefined(api: ApiServer):
    ham = [message for message in MESSAGES if not message.spam]
    async with Client(api.url, KEY) as client:
        quality = report(ham, [await one_by_one(client, ham, 1, ignore)]).quality[0]
    assert quality.fpr.value == pytest.approx(1 / 4)
    assert (quality.recall.value, quality.mcc.value) == (None, None)


async def test_a_server_that_answers_nothing_is_the_error_itself(api: ApiServer):
    async with Client(api.url, "winnow_wrong") as client:
        sent = await one_by_one(client, MESSAGES, 4, ignore)
    with pytest.raises(Unauthenticated):
        report(MESSAGES, [sent])


async def test_what_has_no_label_of_spam_counts_in_no_figure_of_it(api: ApiServer):
    messages = [*MESSAGES, example("a prize, or not", None)]
    async with Client(api.url, KEY) as client:
        found = report(messages, [await one_by_one(client, messages, 1, ignore)])
    assert (found.rows, found.positives, found.quality[0].confusion.rows) == (8, 3, 7)


async def test_versions_that_took_part(api: ApiServer):
    async with Client(api.url, KEY) as client:
        sent = await one_by_one(client, MESSAGES, 1, ignore)
    refs = {ref for outcome in sent.outcomes for ref in outcome.models.values()}
    assert refs and set(versions([sent]).values()) == refs


def test_a_digest_knows_texts_and_their_order():
    assert digest(["a", "b"]) == digest(iter(["a", "b"]))
    assert len({digest(texts) for texts in (["a", "b"], ["b", "a"], ["ab"], ["a"], [])}) == 5
