"""Web addresses: a brand's own, look-alikes of it, shortened ones, nonsense."""

import random
import string
import unicodedata

from training.synthetic.scene import Scene

_SWAPPED = str.maketrans("olie", "01l3")


def slug(name: str) -> str:
    """A brand as it stands in a web address: "Marks & Co" to "marksco"; of another script, a made-up Latin name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in plain if char.isalnum()) or pronounceable(random.Random(name))


def pronounceable(rng: random.Random) -> str:
    """A word of two or three syllables that means nothing."""
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.choice((2, 2, 3))))


def short_path(scene: Scene) -> str:
    return scene.chars(string.ascii_letters + string.digits, scene.rng.randint(5, 9))


def brand_link(scene: Scene, brand: str) -> str:
    """A brand's own address, as its real messages carry it: at times a short one that hardly tells whose it is."""
    draw = scene.rng.random()
    if draw < 0.06:
        return short_link(scene)
    if draw < 0.18:
        return scene.pick(("", "https://")) + abbreviation(scene, brand) + "/" + short_path(scene)
    domain = slug(brand) + scene.pick(scene.country.tld)
    path = scene.pick(("", "", "/app", "/track", "/t/{}", "/{}", "/help", "/my", "/r/{}", "/s/{}", "/account", "/pay"))
    head = scene.pick(("", "", "https://", "https://", "www.", "http://", "https://www."))
    return head + domain + path.format(short_path(scene))


def abbreviation(scene: Scene, brand: str) -> str:
    """A brand's short domain: "Kerry Thailand" to "krth.me"."""
    name = slug(brand)
    letters = (name[0] + "".join(char for char in name[1:] if char not in "aeiou"))[: scene.rng.choice((2, 3, 4))]
    ending = scene.rng.choice((".me", ".co", ".ly", ".to", ".link", ".app", ".io", *scene.country.tld))
    return letters + scene.rng.choice(("", "", scene.country.code.lower())) + ending


def look_alike(scene: Scene, brand: str) -> str:
    """An address that pretends to be the brand's."""
    words = [scene.rng.choice(scene.world.bad_words) for _ in range(scene.rng.choice((1, 1, 2)))]
    name = slug(brand)[:14]
    if scene.rng.random() < 0.25:
        name = name.translate(_SWAPPED)
    parts = [name, *words] if scene.rng.random() < 0.75 else [*words, name]
    host = scene.rng.choice("-.-").join(parts) if scene.rng.random() < 0.9 else "".join(parts)
    ending = scene.rng.choice(scene.world.bad_tlds)
    head = scene.pick(("https://", "http://", "", "https://www.", "www."))
    path = scene.pick(("", "", "/", "/{}", "/login", "/i", "/uk", "/index.php", "/pay/{}", "/?id={}"))
    return head + host + ending + path.format(short_path(scene))


def random_link(scene: Scene) -> str:
    """A throw-away address that names no brand."""
    if scene.rng.random() < 0.12:
        return "http://" + ".".join(str(scene.rng.randint(11, 240)) for _ in range(4)) + "/" + short_path(scene).lower()
    host = scene.chars(string.ascii_lowercase, scene.rng.randint(4, 9)) + scene.chars(
        "0123456789", scene.rng.choice((0, 0, 2))
    )
    ending = scene.rng.choice(scene.world.bad_tlds)
    return scene.pick(("https://", "http://", "", "")) + host + ending + "/" + short_path(scene)


def short_link(scene: Scene) -> str:
    return scene.pick(("", "https://", "http://", "")) + scene.pick(scene.world.shorteners) + "/" + short_path(scene)


def bad_link(scene: Scene) -> str:
    """Where a fraud leads: a look-alike of the brand at hand, a shortened link, or nonsense."""
    draw = scene.rng.random()
    if draw < 0.5:
        return look_alike(scene, scene.value("brand"))
    return short_link(scene) if draw < 0.75 else random_link(scene)
