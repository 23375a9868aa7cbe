"""What a replica raises ends in a log, and no text of a message may."""

import pickle
import traceback

import pytest

from deployments.stages.worker import Worker, discreet
from pipeline.rules import RuleBook

BOOK = RuleBook.load('version: "1"\nsymbols: [{symbol: A, target: spam, score: 1, describe: d, text: a}]', "r.yaml")


class Stage:
    def __init__(self) -> None:
        self._worker = Worker()

    @discreet
    async def check(self, text: str) -> int:
        """Number of hits."""
        return len(await self._worker.run(BOOK.check, text, ""))


async def test_an_answer_passes() -> None:
    assert await Stage().check("a") == 1


async def test_an_error_tells_its_kind_and_place_and_nothing_else() -> None:
    text = "secret \ud800"
    with pytest.raises(RuntimeError, match=r"^UnicodeEncodeError at \w+/\w+\.py:\d+$") as caught:
        await Stage().check(text)
    error = caught.value
    assert error.__cause__ is None and error.__context__ is None
    shown = "".join(traceback.TracebackException.from_exception(error).format())
    assert "secret" not in shown
    assert b"secret" not in pickle.dumps(error)


def test_a_method_keeps_its_name() -> None:
    assert (Stage.check.__name__, Stage.check.__doc__) == ("check", "Number of hits.")
