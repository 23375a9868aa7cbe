"""Messages that carry a secret, as people write them and as those do who hide from filters, and how to see it again.

Everything is drawn from a seed: the same one gives the same messages on every machine.
"""

import random
from collections.abc import Callable
from unicodedata import decimal, normalize

import msgspec

from tests.support.spellings import spell, spell_grouped, spell_in_words
from training.synthetic.generator import generate

_LONG = 9  #: characters; no chance brings as many together


class Sight(msgspec.Struct, frozen=True):
    """One text in all the ways in which a secret may be seen in it."""

    text: str
    squeezed: str
    digits: str
    worded: str

    def __repr__(self) -> str:
        return "<sight>"


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


def look_at(text: str) -> Sight:
    return Sight(text, squeezed(text), digits_of(text), _worded(text))


def squeezed(text: str) -> str:
    """Letters and digits alone, in one case and one style."""
    return "".join(c for c in normalize("NFKC", text).lower() if c.isalnum())


def digits_of(text: str) -> str:
    """Digits of any script, as ASCII, without what stands between them."""
    return "".join(str(decimal(c)) for c in normalize("NFKC", text) if c.isdecimal())


def _worded(text: str) -> str:
    """Words between single blanks: a name is no part of another word."""
    return f" {' '.join(''.join(c if c.isalnum() or ord(c) > 0x2FF else ' ' for c in text.lower()).split())} "


def canaries(count: int, seed: int) -> list[Canary]:
    """As many of each kind as there is room for, in turn."""
    grammar = [example.text for example in generate(count, seed, "heldout", varied=False) if example.otp]
    return [_canary(i, random.Random(f"canary/{seed}/{i}"), grammar) for i in range(count)]


def _canary(index: int, rng: random.Random, grammar: list[str]) -> Canary:
    kind = KINDS[index % len(KINDS)]
    written, traces = _SECRETS[kind](rng)
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


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"  #: spell no word


def _digits(rng: random.Random, *lengths: int) -> str:
    return "".join(rng.choices("0123456789", k=rng.choice(lengths)))


def _letters(rng: random.Random, count: int, alphabet: str = _CONSONANTS) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _code(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    digits = _digits(rng, 4, 5, 6, 6, 6, 7, 8)
    return spell(digits, rng), (digits,)


def _spoken(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    digits = _digits(rng, 4, 5, 6, 6, 8)
    written = spell_in_words(digits, rng)
    return written, (digits, squeezed(written))


def _mixed(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """A code of letters and digits, two digits at least."""
    count = rng.choice((5, 6, 7, 8, 10))
    characters = [*_letters(rng, count - 2, _ALPHABET), *_digits(rng, 2)]
    rng.shuffle(characters)
    code = "".join(characters)
    written = code.lower() if rng.random() < 0.2 else code
    if rng.random() < 0.3:
        written = rng.choice(("-", "_", "\u200b")).join((written[:3], written[3:]))
    elif rng.random() < 0.2:
        written = " ".join(f"{letter} {digit}" for letter, digit in zip(_letters(rng, 3), _digits(rng, 3), strict=True))
        code = written
    return written, (squeezed(code),)


def _letters_alone(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    code = _letters(rng, rng.choice((5, 6, 8)), _ALPHABET)
    return code, (code.lower(),)


def _card(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    body = rng.choice(("4", "51", "37", "6521")) + _digits(rng, 20)
    body = body[: rng.choice((14, 15, 15, 15))]
    check = next(d for d in "0123456789" if _luhn(body + d))
    return spell_grouped(body + check, 4, rng), (body + check,)


def _luhn(digits: str) -> bool:
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _account(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    if rng.random() < 0.5:
        end = _digits(rng, 4)
        return rng.choice(("XX{}", "xxxx{}", "X{}", "****{}", "*{}", "xx-{}", "XXXX XXXX {}")).format(end), (end,)
    digits = _digits(rng, 9, 11, 12, 14)
    return spell_grouped(digits, rng.choice((3, 4, 5)), rng), (digits,)


def _iban(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    country, digits = rng.choice((("DE", 20), ("ES", 22), ("FR", 25), ("AE", 21), ("PT", 23)))
    text = country + _digits(rng, digits)
    if rng.random() < 0.3:
        text = f"GB{_digits(rng, 2)}{_letters(rng, 4)}{_digits(rng, 14)}"
    return rng.choice((spell_grouped(text, 4, rng), text)), (text.lower(), digits_of(text))


def _phone(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    digits = rng.choice("6789") + _digits(rng, 9)
    if rng.random() < 0.3:
        return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}", (digits,)
    prefix = rng.choice(("", "+91 ", "+91-", "0", "0091", "+49 (0)"))
    return prefix + spell_grouped(digits, rng.choice((2, 3, 5)), rng), (digits,)


def _person(rng: random.Random) -> str:
    return (
        rng.choice(("zeb", "quillon", "marwin", "tolvi", "yasmeko", "oriande", "wexley", "brunhil"))
        + _letters(rng, 3).lower()
    )


def _email(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    local = _person(rng) + rng.choice(("", ".x", "_91", "+otp", "-k"))
    at, dot = rng.choice((("@", "."), ("@", "."), (" (at) ", "."), ("[at]", "[.]"), (" at ", " dot "), (" @ ", ".")))
    return f"{local}{at}{rng.choice(('mail', 'corp-mail'))}{dot}{rng.choice(('com', 'org'))}", (squeezed(local),)


def _upi(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    local = rng.choice((_person(rng), _digits(rng, 10), _person(rng) + "." + _digits(rng, 4)))
    return f"{local}@{rng.choice(('okbank', 'ybl', 'paytm', 'upi', 'okhdfc'))}", (squeezed(local),)


def _url(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    token = rng.choice((_letters(rng, 10).lower(), _letters(rng, 5) + _digits(rng, 5), _digits(rng, 8), _person(rng)))
    scheme = rng.choice(("https://", "http://", "", "HTTPS://www.", "hxxps://"))
    form = rng.choice(
        (
            "example.com/{}", "example.com/r?token={}", "example.com/a/b#{}", "example.co.uk/x/{}/y?z=1",
            "example.com?u={}&v=2", "{}.example.com/go", "example.com:8443/{}", "www.example.com/%61{}",
        )
    )  # fmt: skip
    if scheme.lower().startswith(("http", "hxxp")) and rng.random() < 0.2:
        form = "{}:pass@example.com/in"
    written = rng.choice((scheme + form, "upi://pay?pa={}&am=5", "myapp://open/{}")).format(token)
    return written, (squeezed(token),)


def _national(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    kind = rng.choice(("aadhaar", "pan", "ssn", "cpf"))
    if kind == "pan":
        text = _letters(rng, 5) + _digits(rng, 4) + _letters(rng, 1)
        return rng.choice((text, text.lower(), f"{text[:5]} {text[5:9]} {text[9]}")), (text.lower(),)
    lengths = {"aadhaar": (4, 4, 4), "ssn": (3, 2, 4), "cpf": (3, 3, 3, 2)}[kind]
    parts = [_digits(rng, n) for n in lengths]
    return rng.choice((" ", "-", ".", "")).join(parts), ("".join(parts),)


def _name(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    first = _person(rng).capitalize()
    last = _person(rng).capitalize()
    forms = (first, first.upper(), first.lower(), f"{first} {last}", f"{first[0]}. {last}", f"{first} Maria del {last}")
    name = rng.choice(
        (*forms, f"{first.lower()} {last.lower()}", f"{first}-{last}", f"{first} de la {last} Garcia {last}")
    )
    if rng.random() < 0.2:
        name = rng.choice(("रघुवेन्द्र", "झिलमिलाती", "Ødegårdsen", "Wójcikiewicz", "Шереметьевич"))
    return name, (f" {name.lower().split()[-1]} ",)


def _amount(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    digits = rng.choice("123456789") + _digits(rng, 5)
    whole = rng.choice((f"{int(digits):,}.37", digits, f"{int(digits):,}".replace(",", ".") + ",37"))
    return rng.choice(("Rs {}", "₹{}", "INR {}", "$ {}", "{} EUR", "€{}", "Rp{}", "R$ {}")).format(whole), (digits,)


def _moment(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """A date or a time: a code may look like one."""
    day, month, hour = rng.randint(10, 28), rng.randint(10, 12), rng.randint(10, 23)
    sign = rng.choice("-/.:")
    written = f"{hour}:{day}" if sign == ":" else f"{day}{sign}{month}{sign}{rng.choice(('24', '2025'))}"
    return written, (digits_of(written),)


_SECRETS: dict[str, Callable[[random.Random], tuple[str, tuple[str, ...]]]] = {
    "code": _code,
    "spoken": _spoken,
    "mixed": _mixed,
    "letters": _letters_alone,
    "card": _card,
    "account": _account,
    "iban": _iban,
    "phone": _phone,
    "email": _email,
    "upi": _upi,
    "url": _url,
    "national": _national,
    "name": _name,
    "amount": _amount,
    "moment": _moment,
    "sender": _phone,
}
KINDS = tuple(_SECRETS)

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
