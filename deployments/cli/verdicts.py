"""Verdicts for the eye and for the next program."""

import msgspec
import typer

from deployments.cli.messages import Line
from deployments.cli.output import printable
from deployments.cli.sending import Answer
from deployments.problem import problem_of
from pipeline.types import Verdict

HEADINGS = f"{'line':>6}  {'action':7}  {'spam':>6}  {'phish':>6}  {'otp':>6}  {'intent':23}  {'decided by':11}  text"

_COLOURS = {"deliver": "green", "flag": "yellow", "block": "red"}
_EXCERPT = 60  #: characters of a message in a table


def row(line: Line, verdict: Verdict) -> str:
    """One line of a table under `HEADINGS`."""
    action = typer.style(f"{verdict.action:7}", fg=_COLOURS[verdict.action])
    scores = "  ".join(f"{_score(s):>6}" for s in (verdict.spam_score, verdict.phishing_score, verdict.otp_score))
    text = printable(line.request.text[: _EXCERPT + 1]) if line.request else ""
    excerpt = text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…"
    return f"{line.number:>6}  {action}  {scores}  {verdict.otp_intent or '':23}  {verdict.decided_by:11}  {excerpt}"


def facts(verdict: Verdict) -> list[tuple[str, str]]:
    """One verdict as names and values."""
    found = [
        ("action", verdict.action),
        ("spam", _decision(verdict.is_spam, verdict.spam_score)),
        ("phishing", _decision(verdict.is_phishing, verdict.phishing_score)),
        ("one-time password", _decision(verdict.is_otp, verdict.otp_score)),
    ]
    if verdict.is_otp:
        found.append(("intent", f"{verdict.otp_intent or 'unknown'} (by {verdict.intent_source})"))
    found.append(("decided by", verdict.decided_by))
    found += [("because of", f"{hit.symbol} {hit.score:+.1f}: {hit.detail}") for hit in verdict.reasons]
    found.append(("models", ", ".join(f"{task} {version}" for task, version in verdict.models.items()) or "none"))
    if verdict.experiment:
        found.append(("experiment", ", ".join(f"{name} {value}" for name, value in verdict.experiment.items())))
    found += [("cache", verdict.cache), ("status", _status(verdict))]
    return found


def as_json(answer: Answer) -> str:
    """One line of JSON: the verdict, or the error, with the number of its line."""
    number, outcome = {"line": answer.line.number}, answer.outcome
    if isinstance(outcome, Verdict):
        return msgspec.json.encode(number | msgspec.to_builtins(outcome)).decode()
    message_id = answer.line.request.message_id if answer.line.request else None
    return msgspec.json.encode(number | {"message_id": message_id, "error": problem_of(outcome)}).decode()


def _decision(decided: bool | None, score: float | None) -> str:
    if decided is None:
        return "unknown: no stage could tell"
    return f"{'yes' if decided else 'no'} ({_score(score)})"


def _score(score: float | None) -> str:
    return "?" if score is None else f"{score:.4f}"


def _status(verdict: Verdict) -> str:
    return f"{verdict.status}, without {', '.join(verdict.degraded)}" if verdict.degraded else verdict.status
