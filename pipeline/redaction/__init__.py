"""What leaves the house for a language model: the wording of a message without its secrets.

No digit leaves, in whatever script, spelling or company it stands, but those in a few well-known names ("2FA"). All
else is about which placeholder it becomes, and about the secrets that have no digit: addresses, names, codes of
letters. Redacting too much costs the model a little context, redacting too little costs a customer his account.

The stages below run in this order, each over the text that the one before left. What a stage takes out it writes in
characters of a private area (`veil`), which no later pattern takes for text; so stages cannot spoil each other's work.
All patterns start at the left edge of a word or are bounded, so time stays linear in the text.
"""

import re

from pipeline.links import refang
from pipeline.normalise import normalise
from pipeline.redaction.addresses import hide_addresses, write_addresses_plainly
from pipeline.redaction.codes import hide_letter_codes, hide_signature
from pipeline.redaction.digits import plain_digits
from pipeline.redaction.names import hide_names
from pipeline.redaction.numbers import hide_numbers
from pipeline.redaction.spoken import spoken_as_digits
from pipeline.redaction.veil import bare, unveil, veil_written

_DIGIT = re.compile("[0-9]")
_PHONE = re.compile("[+(]*[0-9].*")


def redact(text: str) -> str:
    """The canonical text with typed placeholders for its secrets; idempotent.

    <CODE>, <CARD>, <ACCOUNT>, <PHONE>, <EMAIL>, <UPI> (an address of a payment network), <ID> (of a person or a thing),
    <NAME>, <AMOUNT>, <DATE>, <TIME>, <NUMBER> (one or two digits), and <URL host> for links, where the host is the
    registrable domain: it says whose link it is, while labels before it are made up for a single recipient.
    """
    text = refang(normalise(veil_written(bare(text))).text)
    text = hide_addresses(plain_digits(write_addresses_plainly(text)))
    text = hide_numbers(spoken_as_digits(hide_signature(text)))
    text = hide_names(hide_letter_codes(text))
    return unveil(text)


def redact_sender(sender: str) -> str:
    """A sender without what tells who it is: "VM-HDFCBK" stays, a number becomes <PHONE>, an address <EMAIL>.

    A name keeps its letters, for it is a brand's, and has "#" for each digit.
    """
    plain = plain_digits(normalise(bare(sender)).text)
    if "@" in plain or "." in plain:
        return redact(plain)
    return _DIGIT.sub("#", plain) if any(map(str.isalpha, plain)) else _PHONE.sub("<PHONE>", plain)
