"""How much of what: the share of each family of messages, and how many of them are disguised or mistyped."""

import msgspec


class VariantShares(msgspec.Struct, frozen=True):
    """Shares 0-1 of a kind's messages."""

    disguised: float = 0.0
    mistyped: float = 0.0


#: Family (folder of the grammar) to its weight among all messages.
SHARES: dict[str, float] = {
    "otp": 26,
    "bank": 14,
    "service": 19,
    "chat": 9,
    "phishing": 22,
    "spam": 8,
    "promotion": 5,
    "hard": 6,
}

#: Share of legitimate messages of these families that go on with a second one: an advert or another notice of the same
#: country. Real notices run on; without these, length and an eager tail would mean spam.
TAILS: dict[str, float] = {"bank": 0.08, "service": 0.16, "hard": 0.08, "otp": 0.01}
TAIL_FAMILIES = ("promotion", "service", "bank")

#: Kind of message, or "spam" for all that is labelled spam, to its variants. Others stay as written.
VARIANTS: dict[str, VariantShares] = {
    "spam": VariantShares(disguised=0.14, mistyped=0.06),
    "chat": VariantShares(mistyped=0.25),
    "otp": VariantShares(mistyped=0.01),
}
