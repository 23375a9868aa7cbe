"""What happens, in order: the moods of the language model in turns, each under the same load."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from loadtests.bench.load import Plan, timing
from loadtests.bench.phases import generate
from loadtests.bench.servers import COMPLETE
from loadtests.lane import witnesses
from loadtests.lane.caller import call
from loadtests.lane.mix import Mix, with_codes
from loadtests.lane.outcome import Outcome, Run
from loadtests.lane.segment import GRACE_S, Counts, Segment, faults, sources, without_leave
from loadtests.lane.site import Site, opened
from loadtests.lane.stand_in import MOODS, Call, Mood
from loadtests.messages import body
from training.examples import Example

CONNECTIONS = 400
CAPACITY_MESSAGES, CAPACITY_CONNECTIONS = 2_500, 32
_WARM_S = 2.0  #: of load before each segment, with a language model that is well: the breaker closes
_LATE_S = 1.0  #: for questions that nobody waits for to end
_METRICS = {
    "gated": 'winnow_intents_total{event="gated"',
    "asked": 'winnow_intents_total{event="asked"',
    "sampled": 'winnow_intents_total{event="sampled"',
    "missing": 'winnow_intents_total{event="missing"',
    "fresh": 'winnow_answers_total{lane="intent",source="miss"',
    "cached": 'winnow_answers_total{lane="intent",source=',
    "tokens": "winnow_groq_tokens_total{",
    "usd": "winnow_groq_cost_usd_total",
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How long, and how much."""

    rounds: int = 3
    seconds: float = 10.0  #: of each segment
    rate: float = 150.0  #: messages a second
    retry_after_s: float = 30.0  #: that a 429 asks for


class Show:
    """One server, from its start on.

    Args:
        site: just opened; nobody else uses it.
        mix: what is sent.
        setting: how long, and how much.
        tell: hears of each segment.
    """

    def __init__(self, site: Site, mix: Mix, setting: Setting, tell: Callable[[str], None]) -> None:
        self._site = site
        self._setting = setting
        self._tell = tell
        self._mix = mix
        self._witnesses = witnesses.choose(mix)
        self._keys = iter(site.keys([f"segment{i}" for i in range(setting.rounds * len(MOODS))]))
        self._reference: witnesses.Verdicts = []
        self._hold_until = 0.0  #: until then a 429 keeps everybody away
        self._received = self._leaks = 0
        self._changed: list[str] = []

    def run(self, name: str) -> Run:
        """All rounds; `name`: of the settings."""
        segments = list(self._segments())
        return Run(
            name=name,
            segments=segments,
            capacity=0.0,
            received=self._received,
            leaks=self._leaks,
            witnesses=len(self._witnesses) * len(segments),
            changed=self._changed,
        )

    def capacity(self) -> float:
        """Messages a second that are no one-time passwords, one a request, as fast as answers come."""
        examples = self._mix.draw(CAPACITY_MESSAGES, otps=0.0)
        return generate(self._plan(examples, None)).rate

    def _segments(self) -> Iterator[Segment]:
        for number in range(1, self._setting.rounds + 1):
            for mood in MOODS:
                self._settle()
                segment = self._segment(mood, number)
                self._tell(_line(segment))
                yield segment

    def _settle(self) -> None:
        """The language model is well, and everybody knows it."""
        self._check(self._site.stand_in.switch("healthy"))
        time.sleep(max(0.0, self._hold_until - time.monotonic()))
        call(self._plan(self._draw(_WARM_S), self._setting.rate))
        time.sleep(_LATE_S)

    def _segment(self, mood: Mood, number: int) -> Segment:
        examples = self._draw(self._setting.seconds)
        plan = self._plan(examples, self._setting.rate)
        self._check(self._site.stand_in.switch(mood, self._setting.retry_after_s))
        before = self._counts()
        taken = call(plan)
        time.sleep(_LATE_S)
        counts, end = self._counts().since(before), time.monotonic()
        calls = self._site.stand_in.switch(mood, self._setting.retry_after_s)
        self._check(calls)
        self._question()
        if mood == "limiting" and calls:
            self._hold_until = calls[-1].at + self._setting.retry_after_s + GRACE_S
        open_s, calls_open = without_leave(mood, calls, end)
        return Segment(
            mood=mood,
            round=number,
            sent=len(examples),
            sent_otps=sum(bool(each.otp) for each in examples),
            plain=[each.seconds for each in taken.answers if each.is_otp is False],
            otps=[each.seconds for each in taken.answers if each.is_otp],
            otps_from_send=[each.from_send_s for each in taken.answers if each.is_otp],
            sources=sources(taken.answers),
            faults=faults(mood, taken.result, taken.answers, counts, len(calls)),
            counts=counts,
            calls=len(calls),
            open_s=open_s,
            calls_open=calls_open,
            late_ms=taken.result.late_p99_ms,
        )

    def _question(self) -> None:
        """Ask the witnesses, for a tenant that never asked before."""
        found = witnesses.question(self._site, self._witnesses, next(self._keys))
        self._reference = self._reference or found
        self._changed.extend(witnesses.differences(self._reference, found))

    def _check(self, calls: list[Call]) -> None:
        self._received += len(calls)
        self._leaks += with_codes(each.message for each in calls)

    def _draw(self, seconds: float) -> list[Example]:
        return self._mix.draw(round(self._setting.rate * seconds))

    def _plan(self, examples: list[Example], rate: float | None) -> Plan:
        return Plan(
            port=self._site.port,
            path="/v1/classify",
            headers={"Authorization": f"Bearer {self._site.key}"},
            bodies=[msgspec.json.encode(body(each)).decode() for each in examples],
            connections=CONNECTIONS if rate else CAPACITY_CONNECTIONS,
            rate=rate,
            seed=random.randrange(1_000_000),
            marker='"spam_score"' if rate else COMPLETE,
        )

    def _counts(self) -> Counts:
        return read_counts(self._site.get("/metrics"))


def read_counts(exposition: str) -> Counts:
    """Counts since the start, from Prometheus' text format."""
    lines = [line for line in exposition.splitlines() if not line.startswith("#")]

    def total(sample: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(sample))

    values = {name: total(sample) for name, sample in _METRICS.items()}
    return Counts(**{**values, "cached": values["cached"] - values["fresh"]})


def perform(
    setting: Setting, variants: Mapping[str, tuple[Mapping[str, Any], Setting]], tell: Callable[[str], None]
) -> Outcome:
    """As shipped, then other settings of `intent`, each on a server of its own.

    Args:
        variants: name to settings, and how long and how much.

    Raises:
        Unavailable: a server does not come up, or ends.
    """
    mix, runs = Mix(random.randrange(1_000_000)), []
    for name, (intent, asked) in {"as shipped": ({}, setting), **variants}.items():
        tell(f"{name}: the server starts")
        with opened(intent) as site:
            show = Show(site, mix, asked, tell)
            capacity = show.capacity()
            runs.append(msgspec.structs.replace(show.run(name), capacity=capacity))
    return Outcome(rate=setting.rate, retry_after_s=setting.retry_after_s, runs=runs)


def _line(segment: Segment) -> str:
    p99 = timing(segment.plain).p99
    wrong = f"; {segment.faults}" if segment.faults else ""
    return f"round {segment.round}, {segment.mood}: p99 {p99:.1f} ms of the others, {segment.calls} calls{wrong}"
