"""From the answers of the stages to one assessment: cascade, ensemble, rules. Pure arithmetic."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from pipeline.types import INTENTS, NOT_OTP, Assessment, DecidedBy, RuleHit

#: Logit of spam before any evidence, for when the rules are all there is.
RULES_PRIOR = -2.0
#: The `scorer` of an assessment that rests on rules alone, and its thresholds on the probability.
RULES_SCORER = "rules"
RULES_THRESHOLDS: dict[str, dict[str, float]] = {"spam": {"0.0002": 0.9, "0.001": 0.75, "0.005": 0.5}}


class Platt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calibrated logit = a * raw logit + b."""

    a: float = 1.0
    b: float = 0.0


class Ensemble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Final spam logit = a * (weight * transformer + (1 - weight) * gate) + b, on calibrated logits."""

    weight: float
    a: float
    b: float
    partner: str  #: the TF-IDF bundle it was fitted with, "lightgbm/1"

    def logit(self, transformer: float, gate: float) -> float:
        return self.a * (self.weight * transformer + (1.0 - self.weight) * gate) + self.b


class Cascade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gate alone decides: gate logit below `low` or above `high`, text known well enough."""

    low: float
    high: float
    min_known: float  #: share 0-1 of words that the vocabulary must know

    def skips(self, gate: float, rules: float, known: float) -> bool:
        """Whether the transformer cannot change the decision.

        The evidence of the rules (log-odds) moves the decision as well, so it must not leave the sure region.
        NaN (a gate that did not answer) compares false and skips nothing.
        """
        sure_ham = gate < self.low and gate + rules < self.low
        sure_spam = gate > self.high and gate + rules > self.high
        return (sure_ham or sure_spam) and known >= self.min_known


class Answers(msgspec.Struct, frozen=True, gc=False):
    """What the stages said of one message; NaN or None where a stage did not answer."""

    hits: tuple[RuleHit, ...]
    gate: float  #: calibrated logit of the TF-IDF models
    phishing: float  #: probability 0-1
    otp: float  #: probability 0-1
    intent: Sequence[float] | None  #: nine probabilities
    transformer: float  #: calibrated logit
    degraded: tuple[str, ...]


def sigmoid(logit: float) -> float:
    """Probability of a logit; never overflows."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def logit_of(probability: float) -> float:
    """Logit of a probability, finite also at 0 and 1."""
    clipped = min(max(probability, 1e-7), 1.0 - 1e-7)
    return math.log(clipped / (1.0 - clipped))


def evidence(hits: Sequence[RuleHit], target: str) -> float:
    """Sum of the log-odds that the rules add to a target."""
    return math.fsum(hit.score for hit in hits if hit.target == target)


def combine(answers: Answers, ensemble: Ensemble | None, models: Mapping[str, str]) -> Assessment:
    """Assess one message.

    Args:
        answers: what the stages said.
        ensemble: how this transformer version is combined with the gate; None where it has none.
        models: task to model version, of the models asked ("spam" is the transformer, "gate" its partner).
    """
    spam, decided_by, scorer = _spam(answers, ensemble, models)
    intent, confidence = _intent(answers)
    used = {task: ref for task, ref in models.items() if _took_part(task, answers)}
    return Assessment(
        spam=spam,
        phishing=_shift(answers.phishing, evidence(answers.hits, "phishing")),
        otp=None if math.isnan(answers.otp) else answers.otp,
        intent=intent,
        intent_confidence=confidence,
        hits=answers.hits,
        decided_by=_lists(answers.hits) or decided_by,
        scorer=scorer,
        models=used,
        degraded=answers.degraded,
    )


def _spam(
    answers: Answers, ensemble: Ensemble | None, models: Mapping[str, str]
) -> tuple[float | None, DecidedBy, str]:
    rules = evidence(answers.hits, "spam")
    has_gate, has_transformer = not math.isnan(answers.gate), not math.isnan(answers.transformer)
    if has_transformer and has_gate and ensemble is not None:
        return sigmoid(ensemble.logit(answers.transformer, answers.gate) + rules), "ensemble", models["spam"]
    if has_transformer:
        return sigmoid(answers.transformer + rules), "transformer", models["spam"]
    if has_gate:
        return sigmoid(answers.gate + rules), "gate", models["gate"]
    if rules != 0.0:
        return sigmoid(RULES_PRIOR + rules), "rules", RULES_SCORER
    return None, "none", ""


def _shift(probability: float, rules: float) -> float | None:
    if math.isnan(probability):
        return None
    return probability if rules == 0.0 else sigmoid(logit_of(probability) + rules)


def _intent(answers: Answers) -> tuple[str, float]:
    """Best of the intents that an OTP can have; whether it is one is the OTP score's business."""
    if not _has_intent(answers):
        return NOT_OTP, 0.0
    assert answers.intent is not None
    best = max(range(1, len(INTENTS)), key=answers.intent.__getitem__)
    return INTENTS[best], float(answers.intent[best])


def _has_intent(answers: Answers) -> bool:
    """Whether the model was asked for the intent and gave one: rows of zeros and of NaN are neither."""
    return answers.intent is not None and max(answers.intent) > 0.0


def _lists(hits: Sequence[RuleHit]) -> DecidedBy | None:
    """A deny list outranks an allow list: the operator wrote it about this very traffic."""
    decisions = {hit.decides for hit in hits}
    if "deny" in decisions:
        return "deny_list"
    return "allow_list" if "allow" in decisions else None


def _took_part(task: str, answers: Answers) -> bool:
    score = {
        "spam": answers.transformer,
        "gate": answers.gate,
        "phishing": answers.phishing,
        "otp": answers.otp,
        "intent": 0.0 if _has_intent(answers) else math.nan,
    }[task]
    return not math.isnan(score)
