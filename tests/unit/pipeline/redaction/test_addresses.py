import pytest

from pipeline.redaction import redact
from pipeline.redaction.hosts import plain_host


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("visit https://u:p@bank.com/reset?token=abcdef.", "visit <URL bank.com>."),
        ("go to bob@evil.io/x", "go to <URL evil.io>"),
        ("hxxp://evil[.]io/secret", "<URL evil.io>"),
        ("http://zebediah.login.evil.co.uk", "<URL evil.co.uk>"),
        ('http://evil.com/a"zebediah b', "<URL evil.com> b"),
        ("http://10.0.0.1/zebediah", "<URL>"),
        ("http://zebediah/", "<URL>"),
        ("rare.toplevel/zebediah?x=y", "<URL rare.toplevel>"),
        ("upi://pay?pa=zebediah@okbank&am=5", "<URL upi>"),
        ("myapp://zebediah", "<URL>"),
        ("https://f3d3x.co/login", "<URL f#d#x.co>"),
    ],
)
def test_links_keep_the_domain_alone(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "address",
    ["bob.smith99@mail.com", "b+otp@mail.co.uk", "bob (at) mail.com", "bob[at]mail[.]com", "bob at mail dot com",
     "bob @ mail.com", "a" * 80 + "@mail.com", "böb@mail.com"],
)  # fmt: skip
def test_mail(address: str) -> None:
    assert redact(f"write to {address}, now") == "write to <EMAIL>, now"


@pytest.mark.parametrize("address", ["bob@okbank", "98765@ybl", "bob.smith-1@upi"])
def test_payment_addresses(address: str) -> None:
    assert redact(f"pay {address} now") == "pay <UPI> now"


def test_a_host_that_a_code_is_bound_to_stays() -> None:
    assert redact("@example.com #482913") == "@example.com #<CODE>"


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("bank.com", "bank.com"),
        ("a.b.bank.com", "bank.com"),
        ("a.bank.co.in", "bank.co.in"),
        ("a.bank.gov", "bank.gov"),
        ("co.uk", "co.uk"),
        ("482913.com", "######.com"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("10.0.0.1", ""),
        ("::1", ""),
        ("localhost", ""),
        ("", ""),
        ("a_b.com", ""),
    ],
)
def test_what_is_left_of_a_host(host: str, plain: str) -> None:
    assert plain_host(host) == plain
    assert plain_host(plain) == plain
