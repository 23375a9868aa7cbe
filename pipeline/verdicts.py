"""From an assessment to what the caller gets: decisions, verdict, signed receipt."""

from collections.abc import Callable

import msgspec

from pipeline.keys import Keys
from pipeline.policy import Decision, LimitBook, decide
from pipeline.receipts import Receipt, sign
from pipeline.router import Route
from pipeline.types import Assessment, CacheSource, IntentSource, Message, Verdict


class Intent(msgspec.Struct, frozen=True):
    """What a one-time password is for."""

    label: str | None
    source: IntentSource
    missing: bool = False  #: the language model was asked in vain
    later: str | None = None  #: id of the language model's answer that is to follow


class Writer:
    """Writes verdicts and receipts.

    Args:
        limits: thresholds of policies.
        keys: pseudonyms.
        receipt_secret: signs receipts.
        new_id: gives ids that nobody else has.
    """

    def __init__(self, limits: LimitBook, keys: Keys, receipt_secret: bytes, new_id: Callable[[], str]) -> None:
        self._limits = limits
        self._keys = keys
        self._receipt_secret = receipt_secret
        self._new_id = new_id

    def decide(self, message: Message, assessment: Assessment) -> Decision:
        return decide_on(self._limits, message, assessment)

    def verdict(
        self,
        message: Message,
        route: Route,
        assessment: Assessment,
        source: CacheSource,
        decision: Decision,
        intent: Intent,
        said: dict[str, str],
    ) -> Verdict:
        """
        Args:
            decision: what `decide` says.
            said: `labels` of the decision and the intent, for the receipt.
        """
        degraded = (*assessment.degraded, "groq") if intent.missing else assessment.degraded
        unknown = assessment.decided_by == "none"
        return Verdict(
            message_id=message.id,
            status="unclassified" if unknown else "degraded" if degraded else "complete",
            action=decision.action,
            is_spam=decision.is_spam,
            spam_score=_rounded(assessment.spam),
            is_phishing=decision.is_phishing,
            phishing_score=_rounded(assessment.phishing),
            is_otp=decision.is_otp,
            otp_score=_rounded(assessment.otp),
            otp_intent=intent.label,
            intent_source=intent.source,
            reasons=assessment.hits,
            decided_by=assessment.decided_by,
            models=assessment.models,
            experiment=route.experiment,
            cache=source,
            degraded=degraded,
            receipt=self._receipt(message, route, assessment, said),
            intent_id=intent.later,
        )

    def _receipt(self, message: Message, route: Route, assessment: Assessment, decisions: dict[str, str]) -> str:
        scores = {"spam": assessment.spam, "phishing": assessment.phishing, "otp": assessment.otp}
        receipt = Receipt(
            id=self._new_id(),
            tenant=message.tenant,
            arms=route.arms,
            models=assessment.models,
            decisions=decisions,
            scores={task: score for task, score in scores.items() if score is not None},
            sender_key=self._keys.sender(message.sender),
            recipient_key=self._keys.sender(message.recipient) if route.sticks_to_recipient else "",
            issued_at=int(message.received_at),
        )
        return sign(self._receipt_secret, receipt)


def decide_on(book: LimitBook, message: Message, assessment: Assessment) -> Decision:
    """The decision on a message, by its policy and by who scored it."""
    versions = message.versions
    scorer = assessment.scorer or versions.spam
    return decide(assessment, book.limits(message.policy, scorer, versions.phishing, versions.otp))


def labels(decision: Decision, intent: str | None) -> dict[str, str]:
    """What a verdict says of each task, in the words of feedback; tasks that nobody could tell are left out."""
    told = {
        "spam": _label(decision.is_spam, "spam", "ham"),
        "phishing": _label(decision.is_phishing, "phishing", "not_phishing"),
        "otp": _label(decision.is_otp, "otp", "not_otp"),
        "intent": intent,
    }
    return {task: label for task, label in told.items() if label is not None}


def _label(decided: bool | None, yes: str, no: str) -> str | None:
    return None if decided is None else yes if decided else no


def _rounded(score: float | None) -> float | None:
    """Six digits: enough for a policy's finest threshold, without the noise of float32."""
    return None if score is None else round(score, 6)
