"""What an evaluation asks beyond the messages themselves: other policies, and the same messages in disguise."""

from collections.abc import Sequence
from typing import get_args

from deployments.evaluation import Advance, Answerer, in_bulk
from pipeline.types import PolicyName
from training.evaluation import robustness
from training.evaluation.figures import policy_figures
from training.evaluation.judged import Judged, answered, judge
from training.evaluation.results import Disguised, PolicyFigures
from training.examples import Example

POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)


async def under_each_policy(
    client: Answerer, name: str, messages: Sequence[Example], size: int, advance: Advance
) -> list[PolicyFigures]:
    """What each policy does to the messages, `size` a request. No model is asked anew where a cache remembers them."""
    found: dict[PolicyName, list[Judged]] = {}
    for policy in POLICIES:
        outcomes = (await in_bulk(client, messages, size, advance, policy)).outcomes
        rows = zip(messages, outcomes, strict=True)
        found[policy] = answered(judge(name, i, example, outcome) for i, (example, outcome) in enumerate(rows))
    return policy_figures(found)


async def in_disguise(
    client: Answerer, messages: Sequence[Example], judged: Sequence[Judged], size: int, advance: Advance
) -> list[Disguised]:
    """What each disguise does to some of the messages; [] where none can be disguised.

    Args:
        client: answers.
        messages: of the set.
        judged: the same with their answers as written.
        size: messages in a request.
        advance: hears how many of `disguised_count` messages were just answered.
    """
    places = robustness.choose(messages, judged)
    plain = {place: judged[place] for place in places}
    found = []
    for way in robustness.WAYS if places else ():
        probes = robustness.disguise(messages, places, way)
        examples = [probe.example for probe in probes]
        outcomes = (await in_bulk(client, examples, size, advance)).outcomes
        rows = zip(probes, outcomes, strict=True)
        answers = answered(judge(way, probe.index, probe.example, outcome) for probe, outcome in rows)
        found.append(robustness.compare(way, plain, {row.index: row for row in answers}))
    return found


def disguised_count(messages: Sequence[Example], judged: Sequence[Judged]) -> int:
    """How many messages `in_disguise` sends."""
    return len(robustness.choose(messages, judged)) * len(robustness.WAYS)
