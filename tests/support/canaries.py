"""Messages that carry a secret, as people write them and as those do who hide from filters, and how to see it again.

Everything is drawn from a seed: the same one gives the same messages on every machine.
"""

import random

import msgspec

from tests.support.secret_kinds import SECRETS
from tests.support.sight import Sight
from training.synthetic.generator import generate

_LONG = 9  #: characters; no chance brings as many together


class Canary(msgspec.Struct, frozen=True):
    """One message and its secret. Its repr is for failing tests, which must not print it."""

    index: int
    kind: str
    text: str
    sender: str
    written: str  #: the secret as it stands in the text, or as the sender
    traces: tuple[str, ...]  #: what else gives it away: its letters and digits, lower case, without separators

    def __repr__(self) -> str:
        return f"<canary {self.index}: {self.kind}>"

    def survives_in(self, sight: Sight) -> bool:
        """Whether the secret is there as it was written, or its bare letters or digits in order."""
        views = (sight.text, sight.squeezed, sight.digits, sight.worded)
        return self.written in sight.text or any(trace in view for trace in self.traces for view in views)

    def is_quoted_in(self, sight: Sight) -> bool:
        """The same in what has digits of its own, as logs do: with some of its message around it, or if it is long."""
        passages = (self.passage, repr(self.passage)[1:-1], msgspec.json.encode(self.passage).decode()[1:-1])
        long = [trace for trace in self.traces if len(trace) >= _LONG]
        return any(p in sight.text for p in passages) or any(t in v for t in long for v in (sight.text, sight.squeezed))

    @property
    def passage(self) -> str:
        place = self.text.find(self.written)
        return self.text[max(0, place - 5) : place + len(self.written) + 5] if place >= 0 else self.sender


def canaries(count: int, seed: int) -> list[Canary]:
    """As many of each kind as there is room for, in turn."""
    grammar = [example.text for example in generate(count, seed, "heldout", varied=False) if example.otp]
    return [_canary(i, random.Random(f"canary/{seed}/{i}"), grammar) for i in range(count)]


def _canary(index: int, rng: random.Random, grammar: list[str]) -> Canary:
    kind = KINDS[index % len(KINDS)]
    written, traces = SECRETS[kind](rng)
    frame = _frame(kind, rng, grammar)
    sender = "".join(rng.choices("123456789", k=10)) if rng.random() < 0.1 else rng.choice(_SENDERS)
    if kind == "sender":
        sender = written
    return Canary(index, kind, frame.replace("{}", written), sender, written, traces)


def _frame(kind: str, rng: random.Random, grammar: list[str]) -> str:
    """A message with "{}" for the secret; for codes, half of them from the grammar of forty languages."""
    if kind in {"code", "spoken", "mixed"} and rng.random() < 0.5:
        text = rng.choice(grammar)
        groups = [word for word in text.split() if word.strip(".,:;()").isdecimal() and len(word) > 3]
        if groups:
            return text.replace("{", "(").replace(rng.choice(groups).strip(".,:;()"), "{}", 1)
    around = rng.choice(_AROUND) if kind != "sender" else "{}"
    return around.replace("{}", rng.choice(FRAMES[kind]), 1)


KINDS = tuple(SECRETS)

_SENDERS = ("VM-HDFCBK", "AX-SBIOTP", "Google", "")
#: What stands around the sentence with the secret: small numbers, brands, other details.
_AROUND = (
    "{}",
    "{} Valid for 10 mins.",
    "HDFC Bank: {} Do not share it with anyone.",
    "<#> {}\nFA+9qCX9VSu",
    "{} T&C apply, 2 of 3. 24x7 help.",
    "Amazon 2FA: {} Paid Rs 500 today.",
    "“{}” (1)",
    "{}\n\n@example.com #77",
)
_CODES = (
    "Your OTP is {}.",
    "{} is your verification code",
    "OTP: {}",
    "code:{}(Ref)",
    "Use {} to log in",
    "G-{} ok",
    "[{}] <{}>",
    "आपका ओटीपी {} है",
    "aapka OTP {} hai",
    "Su código es {}.",
    "Votre code est {}",
    "Ihr Code lautet: {}!",
    "Seu código é {}, não compartilhe",
    "Kode OTP Anda {}, jangan",
    "Dein Code: {}; sicher",
    "รหัส OTP {} คือ",
    "验证码：{}，请勿泄露",
    "رمز التحقق {} لا تشاركه",
    "Код: {}. Никому",
)
FRAMES: dict[str, tuple[str, ...]] = {
    "code": _CODES,
    "spoken": tuple(frame for frame in _CODES if frame not in {"G-{} ok", "[{}] <{}>"}),
    "mixed": ("Your OTP is {}.", "{} is your code", "code: {}", "Ihr Code {} ist", "clave {} no"),
    "letters": ("Your OTP is {}.", "{} is your code", "code: {}", "The password is {} for login", "PIN = {}"),
    "card": ("Card {} was charged", "your card no. {}", "{} blocked", "tarjeta {} bloqueada", "कार्ड {} से"),
    "account": ("a/c {} debited", "A/C no. {} credited", "Acct {} used", "cuenta {}", "खाता {} से", "Konto {} belastet"),
    "iban": ("IBAN {} credited", "to {} now", "Überweisung an {} bestätigen"),
    "phone": ("call {} now", "sent to {}", "{} ko OTP bheja", "Rufen Sie {} an", "Llame al {}."),
    "email": ("sent to {}.", "OTP for {} is ready", "Hola {}, su cuenta", "mail {}!"),
    "upi": ("pay {} now", "UPI ID {} is linked", "to VPA {}.", "{} se Rs 5 mila"),
    "url": ("visit {} now", "{}", "Or tap: {} to log in", "verify at {}."),
    "national": ("Aadhaar {} linked", "PAN {} verified", "SSN {} on file", "CPF {} validado", "ID {}."),
    "name": (
        "Dear {}, your OTP", "Hi {}, use it", "Hello {}! Your code", "Dear Mr. {}, OTP", "Mrs {}, your code",
        "Estimado {}: su código", "Hola {}, tu código", "Cher {}, votre code", "Bonjour {}, votre", "Lieber {}, dein",
        "Hallo {}, dein Code", "Prezado {}, seu código", "Olá {}, seu", "Caro {}, il tuo", "Querido {}, su",
        "प्रिय {}, आपका ओटीपी", "नमस्ते {}, आपका", "Halo {}, kode Anda", "Yth. {}, kode", "Herr {}, Ihr Code",
        "Sayın {}, kodunuz", "Здравствуйте, {}!", "Hej {}, din kod", "Beste {}, uw code",
    ),
    "amount": ("OTP for {} at ALDI", "Pay {} now", "{} debited", "Compra de {} en", "Zahlung {} an"),
    "moment": ("Your code is {}.", "OTP {} is secret", "on {} at", "bis {} gültig"),
    "sender": ("Your OTP is on its way",),
}  # fmt: skip
