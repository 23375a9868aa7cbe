"""Texts that a filter may meet: anything at all, and what looks like a link until one looks twice."""

from hypothesis import strategies as st

_SCHEMES = ("http://", "https:\\\\", "hxxp://", "//")
_NUMBERS = ("0x", "0X", "0", "01234567", "08", "3232235777", "4294967296", "deadbeef", "[::1]", "1.2.3.4")
_ODD_DIGITS = ("٣٢٣٢٢٣٥٧", "१२३४५६७८", "１２３４５６７８", "𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "²", "①")
_SIGNS = (*".@:[]/\\?#%+-()*$ \n\0", "..", "。", "[.]", "(dot)", ":80", "%2e", "%00", "%ff", "%5B")
_WORDS = ("a", "bank.com", "xn--", "xn--a", ".xn--p1ai", "é", "ﷺ", "ß", "İ", "\u200d", "\u0301", "Rs", "OTP", "a/c")
_PIECES = (*_SCHEMES, *_NUMBERS, *_ODD_DIGITS, *_SIGNS, *_WORDS)

#: Pieces of links and numbers in any order, as one text.
linkish = st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=16).map("".join)

#: Links to numbers in every notation that an address was ever written in, and in some that none was.
_numeric = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(_SCHEMES[:2]),
    st.sampled_from(("", "0", "00", "0x", "[", "a@", "1.")),
    st.text(st.characters(categories=["Nd"]) | st.sampled_from("0123456789"), min_size=7, max_size=10),
    st.sampled_from(("", "/", "]", ":80", "@a", ".", "\\@a")),
)

#: Any text, links and odd digits more often than chance would have it.
anything = st.one_of(st.text(), st.text(st.characters(categories=["Nd", "No", "Nl", "P", "Ll"])), linkish, _numeric)
