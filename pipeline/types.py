"""The vocabulary of Winnow: every value that travels between stages, defined once.

Items travel as structs; whole batches travel between processes as columns (NumPy arrays), because one
array pickles faster than a thousand small objects. In a score column NaN means "no answer for this
item"; nothing downstream may read NaN as a low score.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NOT_OTP = "NOT_OTP"

#: The nine labels of OTP intent, in the order of the columns of `TreeScores.intent`.
INTENTS: tuple[str, ...] = (
    NOT_OTP,
    "APP_ACCOUNT_CHANGE_OTP",
    "APP_LOGIN_OTP",
    "BANK_OR_CARD_TXN_OTP",
    "DELIVERY_OR_SERVICE_OTP",
    "FINANCIAL_LOGIN_OTP",
    "GENERIC_APP_ACTION_OTP",
    "KYC_OR_ESIGN_OTP",
    "UPI_TXN_OR_PIN_OTP",
)

PolicyName = Literal["strict", "moderate", "lenient"]
IntentMode = Literal["auto", "local", "none", "async"]
Action = Literal["deliver", "flag", "block"]
Status = Literal["complete", "degraded", "unclassified"]
IntentSource = Literal["groq", "lightgbm", "none"]
CacheSource = Literal["miss", "memory", "redis", "coalesced"]
DecidedBy = Literal["ensemble", "gate", "transformer", "rules", "allow_list", "deny_list", "none"]
ListName = Literal["allow", "deny"]


class Versions(msgspec.Struct, frozen=True, gc=False):
    """Which model answers each task of a message."""

    spam: str  #: a transformer, "distilbert/4"
    gate: str  #: the TF-IDF bundle that it is calibrated with, "lightgbm/2"
    phishing: str  #: a TF-IDF bundle, as the next two
    otp: str
    intent: str


class Message(msgspec.Struct, frozen=True, gc=False):
    """One SMS, ready for the pipeline."""

    id: str
    text: str  #: canonical text (see `pipeline.normalise`), never empty
    sender: str  #: canonical sender, "" when unknown
    recipient: str  #: canonical recipient, "" when unknown
    tenant: str
    policy: PolicyName
    intent: IntentMode
    obfuscated: bool  #: the text as sent hid its wording (invisible characters, look-alike letters …)
    versions: Versions  #: that experiments chose
    received_at: float  #: seconds since the epoch
    deadline: float  #: seconds on the monotonic clock; no batch takes it after this


class RuleHit(msgspec.Struct, frozen=True, gc=False):
    """A named reason. `score` is in log-odds, added to the logit of `target`; 0 only explains."""

    symbol: str
    score: float
    detail: str  #: what matched, in words of the rule file; never text of the message
    target: Literal["spam", "phishing"] = "spam"
    decides: ListName | None = None  #: set on a hit of an allow or deny list, which decides alone


class TokenBatch(msgspec.Struct, frozen=True, gc=False):
    """Token ids of N messages, concatenated. A length of 0 means the item could not be tokenized."""

    ids: Ints  #: int32[sum(lengths)]
    lengths: Ints  #: int32[N]


class TreeScores(msgspec.Struct, frozen=True, gc=False):
    """What the TF-IDF models say of N messages. NaN: no answer for that item."""

    spam: Floats  #: float32[N], calibrated logit of the gate (logistic regression with LightGBM)
    phishing: Floats  #: float32[N], calibrated probability 0-1
    otp: Floats  #: float32[N], calibrated probability 0-1
    intent: Floats  #: float32[N, 9], probabilities in the order of INTENTS; rows of zeros where is_otp is out of reach
    known: Floats  #: float32[N], share 0-1 of the words that the training vocabulary knows


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """What the models and the rules say of one message, before any policy. Holds no text: it is cached."""

    spam: float | None  #: calibrated probability 0-1; None: no stage could tell
    phishing: float | None
    otp: float | None
    intent: str  #: best of INTENTS by the local model, should the message be an OTP
    intent_confidence: float  #: probability 0-1 of `intent`
    hits: tuple[RuleHit, ...]
    decided_by: DecidedBy
    scorer: str  #: the model version whose thresholds fit `spam`; "" when no model scored it
    models: dict[str, str]  #: task to version, of the models that took part
    degraded: tuple[str, ...] = ()  #: stages that were left out


class Credit(msgspec.Struct, frozen=True, gc=False):
    """The arm of an experiment that answered."""

    arm: str  #: "name/version"
    revision: int


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The answer for one message, as the HTTP contract gives it (see docs: POST /v1/classify)."""

    message_id: str
    status: Status
    action: Action
    is_spam: bool | None
    spam_score: float | None
    is_phishing: bool | None
    phishing_score: float | None
    is_otp: bool | None
    otp_score: float | None
    otp_intent: str | None
    intent_source: IntentSource
    reasons: tuple[RuleHit, ...]
    decided_by: DecidedBy
    models: dict[str, str]
    experiment: dict[str, Credit] | None  #: by task; None: it is in none
    cache: CacheSource
    degraded: tuple[str, ...]
    receipt: str
    intent_id: str | None = None  #: where the language model's intent is to be fetched later, asked for by "async"


class RuleStage(Protocol):
    """Rules, lists and sender reputation."""

    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]: ...


class TreeStage(Protocol):
    """TF-IDF models: spam gate, phishing, OTP and intent, by one bundle; NaN where that is not loaded."""

    async def score(self, texts: list[str], senders: list[str], version: str) -> TreeScores: ...


class TokenStage(Protocol):
    """Text to token ids, with the tokenizer that each item's transformer was trained with."""

    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch: ...


class TransformerStage(Protocol):
    """Spam logits, calibrated, float32[N]; NaN: no answer for that item."""

    async def score(self, tokens: TokenBatch, versions: list[str]) -> Floats: ...

    async def score_copies(self, tokens: TokenBatch, versions: list[str]) -> Floats | None:
        """The same for copies that change nothing, in time that live messages leave; None: there is none."""
        ...


#: In place of a label: the tenant has spent its budget of the day, and nobody was asked.
OVER_BUDGET = "OVER_BUDGET"


class IntentStage(Protocol):
    """Intent labels from a language model; None where it gave no valid answer in time, OVER_BUDGET where the tenant may
    not pay for it. Without tenants nobody's budget is asked.
    """

    async def classify(
        self,
        texts: list[str],
        senders: list[str],
        budgets_s: Sequence[float],
        tenants: Sequence[str] | None = None,
    ) -> list[str | None]: ...
