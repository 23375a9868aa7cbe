"""What somebody wrote in an e-mail, without quotes, headers and signature, spaced as one types.

Corpora of mail are often tokenised: "don ' t pay $ 5 , 000 : http : / / www . example . com / a". A model must not
learn from spaces that nobody typed.
"""

import re
from collections.abc import Iterator

_HEADER = re.compile(r"\s*(?:from|to|cc|bcc|sent|date|subject)\s?:", re.IGNORECASE)
_QUOTE = re.compile(
    r"\s*(?:[-_=*]\s?){2,}\s*(?:original (?:message|appointment)|(?:begin )?forwarded)\b"
    r"|\s*on .{5,80} wrote\s?:\s*$"
    r"|.{3,80}\b\d{1,2} ?/ ?\d{1,2} ?/ ?\d{2,4} \d{1,2} ?: ?\d\d(?: ?: ?\d\d)?(?: ?[ap]m)?\s*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*(?:-\s?-|_\s?_|=\s?=|\*\s?\*\s?\*)[-_=*\s]*$")
_SIGN_OFF = re.compile(
    r"\s*(?:many |best |kind |warm )?(?:thanks|thank you|thx|regards|rgds|best|cheers|sincerely|love)"
    r"(?: again| so much| very much| and regards| yours)?[\s,.!-]*$",
    re.IGNORECASE,
)
_SIGNATURE = 8  #: lines that may follow a sign-off: name, title, telephone
_ATTACHMENT = re.compile(r"\s*(?:<<.*>>|-\s?\S.*\s?\.\s?(?:xls|docx?|pdf|ppt|zip|jpe?g|gif|txt|html?|vcf))\s*$", re.I)

_TOP = r"(?:com|net|org|info|biz|edu|gov|co|[a-z]{2})\b"
_HOST = rf"(?:[\w-]+ \. )+?{_TOP}(?: \. (?:uk|au|in|jp|za|nz|br|sg)\b)?"
_PATH = r"(?: [/?=&] [\w-]+)*(?: \. (?:html?|php|asp|cgi|gif|jpg)\b)?(?: /)?"
_LINK = re.compile(rf"\bhttps? : / / {_HOST}{_PATH}|\bwww \. {_HOST}{_PATH}|[\w-]+(?: [._] [\w-]+)* @ {_HOST}", re.I)
_TOKENISED = re.compile(r" [.,!?':;)/@]")
_SPACING = (
    (re.compile(r"(?<=\w) ' (?=(?:s|t|d|m|ll|re|ve)\b)", re.I), "'"),
    (re.compile(r"(?<=\d) ([.,:/]) (?=\d)"), r"\1"),
    (re.compile(r"(?<=[$£#]) (?=\d)"), ""),
    (re.compile(r"(?<=\w) - (?=\w)"), "-"),
    (re.compile(r" (?=[.,!?;:%)\]](?:\s|$))"), ""),
    (re.compile(r"(?<=[.!?]) (?=[.!?](?:\s|$))"), ""),
    (re.compile(r"(?:(?<=\s)|^)([(\[]) "), r"\1"),
)


def written(body: str) -> str:
    """The sender's own words on one line; "" when there are none."""
    return mend(" ".join(" ".join(_own(body.splitlines())).split()))


def mend(text: str) -> str:
    """Undo the spaces of tokenised text; text with no space before a sign stays as it is."""
    if not _TOKENISED.search(text):
        return text
    text = _LINK.sub(lambda match: match.group().replace(" ", ""), text)
    for pattern, replacement in _SPACING:
        text = pattern.sub(replacement, text)
    return text


def _own(lines: list[str]) -> Iterator[str]:
    """Lines up to the first quoted message, ruled line or sign-off, which itself still counts."""
    start = next((i for i, line in enumerate(lines) if line.strip() and not _HEADER.match(line)), len(lines))
    for at, line in enumerate(lines[start:], start):
        if _QUOTE.match(line) or _RULE.match(line) or _is_header(lines, at):
            return
        if not line.lstrip().startswith(">") and not _ATTACHMENT.match(line):
            yield line
        if _SIGN_OFF.match(line) and sum(bool(rest.strip()) for rest in lines[at + 1 :]) <= _SIGNATURE:
            return


def _is_header(lines: list[str], at: int) -> bool:
    """One line may look like a header by chance ("to: all of you"), two in a row are one."""
    return all(_HEADER.match(line) for line in lines[at : at + 2]) and at + 1 < len(lines)
