"""How much of what: the share of each family of messages, and how many of them are disguised or mistyped."""

import msgspec


class VariantShares(msgspec.Struct, frozen=True):
    """Shares 0-1 of a kind's messages."""

    disguised: float = 0.0
    mistyped: float = 0.0


#: Family (folder of the grammar) to its weight among all messages.
SHARES: dict[str, float] = {
    "otp": 30,
    "bank": 14,
    "service": 19,
    "chat": 8,
    "phishing": 18,
    "spam": 6,
    "promotion": 4,
    "hard": 6,
}

#: Kind of message, or "spam" for all that is labelled spam, to its variants. Others stay as written.
VARIANTS: dict[str, VariantShares] = {
    "spam": VariantShares(disguised=0.14, mistyped=0.06),
    "chat": VariantShares(mistyped=0.25),
    "otp": VariantShares(mistyped=0.01),
}
