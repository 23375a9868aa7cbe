"""Secrets of each kind that a message can carry: how one is written, and what would give it away."""

import random
from collections.abc import Callable

from tests.support.sight import digits_of, squeezed
from tests.support.spellings import spell, spell_grouped, spell_in_words

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


SECRETS: dict[str, Callable[[random.Random], tuple[str, tuple[str, ...]]]] = {
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
