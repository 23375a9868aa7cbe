"""Who a message seems to come from: DLT headers, short codes, alphanumeric names, telephone numbers."""

from collections.abc import Callable

from training.synthetic.links import slug
from training.synthetic.scene import Scene

Sender = Callable[[Scene], str]

_DLT_CATEGORY = ("", "", "-S", "-T", "-P", "-G")


def header(scene: Scene, brand: str) -> str:
    """A brand's sender id as its country writes it; at times a short code, at times nothing is known."""
    draw = scene.rng.random()
    if draw < 0.12:
        return ""
    if scene.country.sender_prefix:
        letters = slug(brand).upper()
        entity = (letters[:3] + letters[-3:] if scene.rng.random() < 0.4 else letters)[:6].ljust(6, "B")
        return scene.rng.choice(scene.country.sender_prefix) + entity + scene.rng.choice(_DLT_CATEGORY)
    if draw < 0.3 or scene.country.code in ("US", "CA"):
        return scene.digits("#####" if draw < 0.7 else "######")
    plain = "".join(char for char in brand if char.isalnum() or char == " ")[:11].strip()
    return plain if draw < 0.8 else slug(brand)[:11].upper()


def phone(scene: Scene) -> str:
    """A private number, at times unknown."""
    return "" if scene.rng.random() < 0.3 else scene.digits(scene.rng.choice(scene.country.mobile)).replace(" ", "")


def stranger(scene: Scene) -> str:
    """Where fraud comes from: a number of this or another country, a mail address, a borrowed name."""
    draw = scene.rng.random()
    if draw < 0.55:
        return phone(scene)
    if draw < 0.7:
        return scene.digits(scene.rng.choice(("+63#########", "+4479########", "+2126########", "+1##########")))
    if draw < 0.76:
        host = scene.rng.choice(("outlook.com", "gmail.com", "icloud.com", "hotmail.com"))
        return f"{scene.chars('abcdefghijkmnopqrstuvwxyz', 8)}@{host}"
    return header(scene, scene.value("brand"))


#: Values of `sender=` in the grammar files.
SENDERS: dict[str, Sender] = {
    "brand": lambda scene: header(scene, scene.value("brand")),
    "phone": phone,
    "stranger": stranger,
    "shortcode": lambda scene: "" if scene.rng.random() < 0.2 else scene.digits("#####"),
    "info": lambda scene: scene.rng.choice(("", "INFO", "InfoSMS", "AUTHMSG", "VERIFY", "NOTICE", "SMSINFO", "Verify")),
}  # fmt: skip
