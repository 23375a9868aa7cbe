"""What stands for {name} in a pattern: amounts, codes, dates, brands, references."""

import string

from training.synthetic.links import bad_link, brand_link, pronounceable, random_link, short_link, slug
from training.synthetic.scene import Scene, Slot

_UPPER = string.ascii_uppercase
_SAFE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def group_digits(value: int, how: str) -> str:
    """1234567 as 1,234,567 (comma), 1.234.567 (dot) or 12,34,567 (indian)."""
    if how == "indian" and value >= 100_000:
        head, tail = divmod(value, 1000)
        pairs = []
        while head:
            head, pair = divmod(head, 100)
            pairs.append(f"{pair:02d}" if head else str(pair))
        return ",".join(reversed(pairs)) + f",{tail:03d}"
    return f"{value:,}".replace(",", "." if how == "dot" else ",")


def money(scene: Scene, low: float, high: float) -> str:
    """An amount between low and high times the country's everyday payment, written its way."""
    country, rng = scene.country, scene.rng
    value = country.typical * low * (high / low) ** rng.random()
    rounded = rng.random() < 0.45
    whole = int(value)
    if rounded and whole >= 20:
        step = 10 ** (len(str(whole)) - (1 if rng.random() < 0.5 else 2))
        whole = max(step, whole // step * step)
    how = country.grouping if whole >= 10_000 or rng.random() < 0.6 else "none"
    text = str(whole) if how == "none" else group_digits(whole, how)
    if (country.cents and rng.random() < 0.8) or (country.grouping == "indian" and rng.random() < 0.5):
        text += ("," if country.grouping == "dot" else ".") + ("00" if rounded else f"{rng.randint(0, 99):02d}")
    return scene.pick(country.money).format(text)


def code(scene: Scene) -> str:
    """A one-time code of digits: mostly six, sometimes 4, 5, 7 or 8, at times with a space or dash inside."""
    length = scene.rng.choices((4, 5, 6, 7, 8), (26, 6, 58, 3, 7))[0]
    digits = "".join(str(scene.rng.randint(0, 9)) for _ in range(length))
    if length in (6, 8) and scene.rng.random() < 0.08:
        half = length // 2
        return digits[:half] + scene.rng.choice(" -") + digits[half:]
    return digits


def alphanumeric_code(scene: Scene) -> str:
    size = scene.rng.choice((4, 5, 6, 6, 8))
    letters = _SAFE if scene.rng.random() < 0.8 else string.ascii_letters + string.digits
    text = scene.chars(letters, size - 1)
    return text + scene.chars(string.digits, 1)


def masked(scene: Scene) -> str:
    """An account or card number with all but its end hidden."""
    end = scene.digits("###" if scene.rng.random() < 0.15 else "####")
    style = scene.pick(
        ("XX{}", "xx{}", "*{}", "**{}", "X{}", "XXXX{}", "x{}", "***{}", "...{}", "XXXXXXXX{}", "ending {}")
    )
    return style.format(end)


def date(scene: Scene) -> str:
    rng = scene.rng
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2018, 2026)
    name = _MONTHS[month - 1]
    american = scene.country.code in ("US", "PH")
    numeric = f"{month:02d}/{day:02d}" if american else f"{day:02d}/{month:02d}"
    return rng.choice(
        (
            f"{day:02d}-{name}-{year % 100:02d}",
            f"{day:02d}-{name.upper()}-{year}",
            f"{numeric}/{year}",
            f"{numeric}/{year % 100:02d}",
            f"{day:02d}-{month:02d}-{year}",
            f"{day} {name}",
            f"{name} {day}",
            f"{day:02d}{name}{year % 100:02d}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day:02d}.{month:02d}.{year}",
        )
    )


def time(scene: Scene) -> str:
    rng = scene.rng
    hour, minute = rng.randint(0, 23), rng.choice((0, 15, 30, 45, rng.randint(0, 59)))
    twelve, half = hour % 12 or 12, "AM" if hour < 12 else "PM"
    return rng.choice(
        (
            f"{hour:02d}:{minute:02d}",
            f"{hour:02d}:{minute:02d}:{rng.randint(0, 59):02d}",
            f"{twelve}:{minute:02d} {half}",
            f"{twelve}:{minute:02d}{half.lower()}",
            f"{hour:02d}:{minute:02d}",
        )
    )


def _of(field: str) -> Slot:
    return lambda scene: scene.pick(getattr(scene.country, field))


def _world(field: str) -> Slot:
    return lambda scene: scene.pick(getattr(scene.world, field))


def _link_of(brand: str) -> Slot:
    return lambda scene: brand_link(scene, scene.value(brand))


def _number(low: int, high: int) -> Slot:
    return lambda scene: str(scene.rng.randint(low, high))


def _digits(*templates: str) -> Slot:
    return lambda scene: scene.digits(scene.rng.choice(templates))


def _coded(letters: int, digits: str) -> Slot:
    return lambda scene: scene.chars(_UPPER, letters) + scene.digits(digits)


def _sum(low: float, high: float) -> Slot:
    return lambda scene: money(scene, low, high)


def _app(scene: Scene) -> str:
    """A consumer app or site: worldwide, or a local shop or service."""
    local = (*scene.country.shops, *scene.country.food, *scene.country.travel)
    return scene.pick(scene.world.apps if scene.rng.random() < 0.6 else local)


def _startup(scene: Scene) -> str:
    """A small service that nobody has heard of."""
    word = pronounceable(scene.rng) + scene.rng.choice(("", "", "ly", "fy", "x", "n", "go", "pay", "hub"))
    draw = scene.rng.random()
    if draw < 0.15:
        return word + scene.rng.choice((".io", ".app", ".ai", ".me", ".co"))
    return word.upper() if draw < 0.3 else word.capitalize()


def _awb(scene: Scene) -> str:
    """The number of a consignment."""
    forms = (
        scene.digits("############"),
        scene.chars(_UPPER, 2) + scene.digits("#########") + scene.country.code,
        scene.chars(_UPPER, 3) + scene.digits("########"),
        "1Z" + scene.chars(_SAFE, 10),
    )
    return scene.rng.choice(forms)


def _any(*options: str) -> Slot:
    return lambda scene: scene.rng.choice(options)


def _promo_code(scene: Scene) -> str:
    return scene.pick(scene.world.promo_words) + scene.rng.choice(("", "10", "20", "25", "50", "100", "24", "5"))


_BRANDS = ("bank", "wallet", "broker", "shop", "courier", "telco", "utility", "retail", "clinic")
_PLURALS = {"utility": "utilities", "retail": "retail"}

SLOTS: dict[str, Slot] = {
    **{name: _of(_PLURALS.get(name, name + "s")) for name in _BRANDS},
    **{f"{name}_link": _link_of(name) for name in (*_BRANDS, "app", "food", "gov", "travel", "brand")},
    "food": _of("food"), "gov": _of("gov"), "travel": _of("travel"), "toll": _of("tolls"),
    "name": _of("names"), "city": _of("cities"), "merchant": _of("merchants"),
    "app": _app, "startup": _startup, "promo_code": _promo_code,
    "item": _world("items"), "film": _world("films"), "document": _world("documents"),
    "code": code, "acode": alphanumeric_code, "masked": masked,
    "last4": _digits("####"), "q": _digits("####"),
    "amount": _sum(0.1, 12), "small": _sum(0.02, 0.12), "big": _sum(8, 120), "huge": _sum(100, 5000),
    "balance": _sum(1, 300),
    "date": date, "time": time, "weekday": _any(*_WEEKDAYS),
    "mobile": lambda scene: scene.digits(scene.pick(scene.country.mobile)),
    "hotline": lambda scene: scene.digits(scene.pick(scene.country.hotline)),
    "shortcode": _digits("#####", "######", "####"),
    "premium": _digits("09#########", "0906#######", "087########", "1-900-###-####"),
    "ref": _digits("############", "##########", "########"),
    "txn": _coded(2, "##########"), "order": _digits("###-#######-#######", "#########", "######", "#####"),
    "awb": _awb,
    "pnr": lambda scene: scene.chars(_SAFE, 6) if scene.rng.random() < 0.6 else scene.digits("##########"),
    "seat": lambda scene: f"{scene.rng.choice('ABCDEFGHJ')}{scene.rng.randint(1, 30)}",
    "flight": lambda scene: scene.chars(_UPPER, 2) + " " * scene.rng.randint(0, 1) + scene.digits("###"),
    "plate": lambda scene: scene.chars(_UPPER, 2) + scene.digits("##") + scene.chars(_UPPER, 2) + scene.digits("####"),
    "hash": lambda scene: scene.chars(string.ascii_letters + string.digits + "+/", 11),
    "initials": lambda scene: scene.chars(_UPPER, 4),
    "minutes": _any("1", "2", "3", "5", "5", "10", "10", "10", "15", "15", "20", "30", "60"),
    "days": _number(1, 30), "hours": _any("1", "2", "6", "12", "24", "24", "48", "72"),
    "pct": _any("10", "15", "20", "25", "30", "40", "50", "60", "70", "80", "5"),
    "gb": _any("1", "1.5", "2", "3", "5", "10", "20", "25", "50", "100"),
    "n": _number(2, 9), "nn": _number(10, 99), "points": _number(50, 9000), "age": _number(18, 45),
    "short": short_link, "bad_link": bad_link, "random_link": random_link,
    "brand_host": lambda scene: slug(scene.value("brand")) + scene.pick(scene.country.tld),
    "country_name": _any("Spain", "Dubai", "France", "Singapore", "Kenya", "Turkey", "the UK"),
    "bracketed": lambda scene: f"[{scene.value('brand')}]",
}  # fmt: skip
