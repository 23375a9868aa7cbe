"""One segment: the language model in one mood under a steady load, and what came of it. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from loadtests.bench.load import Result, Timing, timing
from loadtests.lane.caller import Answer
from loadtests.lane.stand_in import LABEL, Call, Mood

BUDGET_S = 0.8  #: settings' `intent.budget_ms`
THRESHOLD, PROBE_S = 5, 1.0  #: `pipeline.breaker.Breaker`: failures that open it, and seconds between two probes
TARDY_S = 0.1  #: that an answer may take beside the wait for the language model
GRACE_S = 0.5  #: for a call that was let through just before the breaker opened to arrive


class Counts(msgspec.Struct, frozen=True):
    """The server's metrics: since its start, or of a segment."""

    gated: float = 0  #: one-time passwords whose intent the local model was sure of
    asked: float = 0  #: those it was not
    sampled: float = 0  #: sure ones that were asked all the same
    missing: float = 0  #: asked in vain
    fresh: float = 0  #: answers of the language model
    cached: float = 0  #: answers of it that were known, or shared
    tokens: float = 0
    usd: float = 0

    def since(self, before: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) - getattr(before, name) for name in self.__struct_fields__))


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    mood: Mood
    round: int
    sent: int  #: messages
    sent_otps: int  #: of those, one-time passwords by the grammar
    plain: list[float]  #: seconds of each verdict "no OTP", from when it was due
    otps: list[float]  #: of each verdict "OTP"
    otps_from_send: list[float]
    sources: dict[str, int]  #: of verdicts "OTP": groq; lightgbm; lightgbm in its place
    faults: dict[str, int]  #: what must not be, and how often
    counts: Counts
    calls: int  #: that the language model received
    open_s: float  #: of the segment, with the breaker open, or a time to wait for: without leave to call
    calls_open: int  #: in that time
    late_ms: float  #: the generator behind its schedule, p99

    @property
    def probes(self) -> int:
        """Calls that are allowed in the time without leave."""
        return probes(self.mood, self.open_s)


class Summary(msgspec.Struct, frozen=True):
    """A `Segment` for the record, without each single time."""

    mood: Mood
    round: int
    plain: Timing
    otps: Timing
    slowest_otp_ms: float  #: from the send
    over_budget: int  #: one-time passwords that took longer than the budget and TARDY_S, from the send
    sources: dict[str, int]
    faults: dict[str, int]
    counts: Counts
    sent: int
    sent_otps: int
    calls: int
    open_s: float
    calls_open: int
    probes: int
    late_ms: float


def summary(segment: Segment) -> Summary:
    same = {name: getattr(segment, name) for name in Summary.__struct_fields__ if hasattr(segment, name)}
    slow = [each for each in segment.otps_from_send if each > BUDGET_S + TARDY_S]
    times = {"plain": timing(segment.plain), "otps": timing(segment.otps)}
    return Summary(**{**same, **times, "slowest_otp_ms": 1000 * max(segment.otps_from_send), "over_budget": len(slow)})


def without_leave(mood: Mood, calls: Sequence[Call], end: float) -> tuple[float, int]:
    """Seconds from when no call may be made but probes until the end, and calls in that time.

    After the fifth failure the breaker is open: at once where the service fails, a budget later where it hangs. After
    the first 429 nobody may call for as long as it says, longer than a segment.
    """
    ordered = sorted(call.at for call in calls)
    last = 1 if mood == "limiting" else THRESHOLD
    if mood == "healthy" or len(ordered) < last:
        return 0.0, 0
    begun = ordered[last - 1] + GRACE_S + (BUDGET_S if mood == "hanging" else 0.0)
    return max(0.0, end - begun), sum(at > begun for at in ordered)


def probes(mood: Mood, open_s: float) -> int:
    """Calls that so many seconds without leave allow: one in each probe interval, none while told to wait."""
    return 0 if mood == "limiting" or open_s <= 0 else int(open_s / PROBE_S) + 1


def sources(answers: Sequence[Answer]) -> dict[str, int]:
    """Who named the intents of one-time passwords; "lightgbm, in its place": since the language model did not."""
    return dict(Counter(_source(each) for each in answers if each.is_otp))


def faults(mood: Mood, result: Result, answers: Sequence[Answer], counts: Counts, calls: int) -> dict[str, int]:
    """What is wrong with a segment, and how often."""
    found: Counter[str] = Counter(result.errors)
    for each in answers:
        found.update(_faults(each))
    found.update(dict(_miscounts(mood, sources(answers), counts, calls)))
    return dict(found)


def _source(answer: Answer) -> str:
    return f"{answer.source}, in its place" if "groq" in answer.degraded else answer.source


def _faults(answer: Answer) -> Iterator[str]:
    if answer.status != 200:
        yield f"status {answer.status}"
    elif answer.is_otp is None:
        yield "no verdict"
    elif answer.is_otp != (answer.source in ("groq", "lightgbm")):
        yield f"an intent from {answer.source} for {'an OTP' if answer.is_otp else 'no OTP'}"
    elif answer.source == "groq" and answer.intent != LABEL:
        yield "an intent that the language model did not give"
    if lacking := set(answer.degraded) - {"groq"}:
        yield f"without {', '.join(sorted(lacking))}"


def _miscounts(mood: Mood, named: dict[str, int], counts: Counts, calls: int) -> Iterator[tuple[str, int]]:
    """Sources, metrics and calls that do not fit together, each with how far they are apart."""
    asked = named.get("groq", 0) + named.get("lightgbm, in its place", 0)
    pairs = (
        ("OTPs that the gate was unsure of are not those that were asked", asked, counts.asked),
        ("OTPs that the gate was sure of are not those that it answered", named.get("lightgbm", 0), counts.gated),
        ("answers in its place are not those it left out", named.get("lightgbm, in its place", 0), counts.missing),
    )
    yield from ((words, int(abs(one - other))) for words, one, other in pairs if one != other)
    if mood == "healthy" and calls > counts.asked + counts.sampled:
        yield "calls beyond the OTPs that the gate was unsure of", int(calls - counts.asked - counts.sampled)
    if mood != "healthy" and counts.fresh:
        yield "answers from a language model that gave none", int(counts.fresh)
    if mood == "healthy" and not counts.fresh:
        yield "the language model is well again and is not asked", 1
