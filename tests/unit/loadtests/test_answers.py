import pytest

from loadtests.answers import incomplete, incomplete_bulk, rude

COMPLETE = {"status": "complete", "degraded": []}
DEGRADED = {"status": "degraded", "degraded": ["rules", "distilbert"]}
ERROR = {"message_id": "a", "error": {"code": "overloaded"}}


def test_a_complete_verdict_has_no_fault() -> None:
    assert incomplete(COMPLETE) is None


def test_a_verdict_without_a_stage_says_which() -> None:
    assert incomplete(DEGRADED) == "degraded: without rules, distilbert"
    assert incomplete({"status": "unclassified", "degraded": ["lightgbm"]}) == "unclassified: without lightgbm"


@pytest.mark.parametrize(
    ("results", "missing"),
    [
        ([COMPLETE] * 3, None),
        ([COMPLETE, DEGRADED, ERROR], 2),
        ([COMPLETE] * 2, 1),
        ([COMPLETE] * 4, 0),
        ([], 3),
    ],
)
def test_a_bulk_needs_a_complete_verdict_on_each_message_and_none_besides(results, missing: int | None) -> None:
    fault = incomplete_bulk(results, 3)
    assert (fault is None) == (missing is None)
    if missing:
        assert fault == f"{missing} messages without a complete verdict"


@pytest.mark.parametrize("header", ["1", "0", " 120 "])
def test_a_refusal_that_says_when_to_come_back_is_polite(header: str) -> None:
    assert rude(header) is None


@pytest.mark.parametrize("header", [None, "", "-1", "1.5", "soon", "²"])
def test_a_refusal_that_does_not_is_rude(header: str | None) -> None:
    assert rude(header) is not None
