"""The report in Markdown."""

import os
from collections.abc import Iterable, Sequence

from loadtests.lane.outcome import AIM, Outcome, Ratio, Run, p50, p99, ratio, usd_per_thousand
from loadtests.lane.segment import BUDGET_S, TARDY_S, Segment, Summary, summary
from loadtests.lane.stand_in import HEALTHY_S, MOODS, Mood

_MOODS: dict[Mood, str] = {
    "healthy": f"healthy, answers after {1000 * HEALTHY_S:.0f} ms",
    "hanging": "hanging, no answer",
    "failing": "failing, 500",
    "limiting": "rate-limiting, 429",
}


def render(outcome: Outcome, date: str, command: str) -> str:
    first, broken = outcome.runs[0], outcome.broken()
    head = (
        f"{date}; {os.cpu_count()} cores with everything on them, the callers and the stand-in for Groq, too; "
        f"{outcome.rate:g} messages a second as a Poisson process, {outcome.rate / first.capacity:.0%} of what the "
        f"server takes of those that are no OTP; {_share(first)} of them OTPs of the grammar, no text twice; "
        f"429 with `retry-after: {outcome.retry_after_s:g}`; the moods in turns, {len(first.of('healthy'))} rounds; "
        f"`{command}`."
    )
    found = (
        "**All of it holds.**" if not broken else "**Does not hold:**\n\n" + "\n".join(f"- {each}" for each in broken)
    )
    parts = ["# The LLM lane under load", head, found, *(part for run in outcome.runs for part in _run(run)), _NOTES]
    return "\n\n".join(parts) + "\n"


def _run(run: Run) -> list[str]:
    facts = (
        f"{run.received:,} messages left the house, {run.leaks} with three digits in a row. "
        f"Of {run.witnesses} verdicts on the same messages, scored anew in each segment, {len(run.changed)} differ in "
        f"more than the intent. "
        f"Of messages that are no OTP the server takes {run.capacity:,.0f} a second."
    )
    return [f"## Settings {run.name}", facts, "### Everybody else", _others(run), "### OTPs", _otps(run), _calls(run)]


def _others(run: Run) -> str:
    head = ("language model", "verdicts", "p50 ms", "p99 ms", "p50 ÷ healthy", "p99 ÷ healthy")
    rows = []
    for mood in MOODS:
        pooled = run.pooled(mood, "plain")
        ratios = (_spread(ratio(run, mood, percentile)) for percentile in (p50, p99))
        rows.append([_MOODS[mood], f"{pooled.count:,}", f"{pooled.p50:.1f}", f"{pooled.p99:.1f}", *ratios])
    return _table(head, rows)


def _otps(run: Run) -> str:
    head = ("language model", "verdicts", "p50 ms", "p99 ms", "slowest ms", "over budget", "groq", "lightgbm, sure")
    return _table((*head, "lightgbm, in its place"), [_otp_row(run, mood) for mood in MOODS])


def _otp_row(run: Run, mood: Mood) -> list[str]:
    pooled, each = run.pooled(mood, "otps"), [summary(segment) for segment in run.of(mood)]
    named = [_sum(each, source) for source in ("groq", "lightgbm", "lightgbm, in its place")]
    slowest, over = max(one.slowest_otp_ms for one in each), sum(one.over_budget for one in each)
    times = [f"{pooled.p50:.1f}", f"{pooled.p99:.0f}", f"{slowest:.0f}", f"{over:,}"]
    return [_MOODS[mood], f"{pooled.count:,}", *times, *(f"{count / pooled.count:.1%}" for count in named)]


def _calls(run: Run) -> str:
    head = ("language model", "gate unsure", "calls", "answers from a cache", "s without leave to call", "calls then")
    return _table((*head, "allowed", "tokens", "USD per 1,000 messages"), [_call_row(run.of(mood)) for mood in MOODS])


def _call_row(segments: Sequence[Segment]) -> list[str]:
    def total(values: Iterable[float]) -> str:
        return f"{sum(values):,.0f}"

    return [
        _MOODS[segments[0].mood],
        total(each.counts.asked for each in segments),
        total(each.calls for each in segments),
        total(each.counts.cached for each in segments),
        f"{sum(each.open_s for each in segments):.1f}",
        total(each.calls_open for each in segments),
        total(each.probes for each in segments),
        total(each.counts.tokens for each in segments),
        f"{usd_per_thousand(segments):.4f}",
    ]


_NOTES = f"""## How to read it

- "Everybody else" are verdicts that say "no OTP", timed from when they were due. Pooled over all rounds; in brackets
  the least and the most of a round beside its own healthy segment. The healthy row is each round beside all of them:
  what the machine does by itself. The aim is p99 ÷ healthy ≤ {AIM:g}; times are told and not judged.
- OTPs wait for the language model up to their budget of {1000 * BUDGET_S:.0f} ms; "over budget" took
  {1000 * TARDY_S:.0f} ms longer, from the send. In its place: the language model was asked, or nobody may ask it now,
  and the local model answered and said so (`degraded`). Answers of the language model while it gives none are cached
  ones.
- "Gate unsure" are the OTPs that the local model was not sure of; a healthy language model gets no more calls than
  that, and a sample of 1 % of the sure ones.
- "Without leave to call": from the breaker's opening (or the first 429) on, and half a second; "allowed" is one probe
  a second, none after a 429.
- The stand-in gives one label always and guesses tokens from lengths; prices are those of the settings. How right Groq
  is, and how fast, is not told by this.
- Exit status 1: a verdict is missing or lacks more than Groq, an intent has the wrong source, a call was made without
  leave or beyond the gate, a witness changed, or digits of a code left the house."""


def _share(run: Run) -> str:
    return f"{sum(each.sent_otps for each in run.segments) / sum(each.sent for each in run.segments):.0%}"


def _sum(segments: Sequence[Summary], source: str) -> int:
    return sum(each.sources.get(source, 0) for each in segments)


def _spread(found: Ratio) -> str:
    return f"{found.pooled:.2f} ({found.least:.2f} … {found.most:.2f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
