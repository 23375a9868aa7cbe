import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.links import belongs_to, domains, find_links, is_ip, refang
from tests.support.texts import anything


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("Visit https://www.Bank.co.uk/login?x=1.", ["www.bank.co.uk"]),
        ("track at bit.ly/abc, pay at evil.top", ["bit.ly", "evil.top"]),
        ("twice: a.com/x and A.COM/y", ["a.com"]),
        ("hxxps://evil[.]top/a", ["evil.top"]),
        ("go to evil(dot)com now", ["evil.com"]),
        ("evil。com", ["evil.com"]),
        ("http:\\\\evil.com\\a", ["evil.com"]),
        ("กดp48q.com/fop", ["p48q.com"]),
        ("see example.com.Thanks", ["example.com"]),
        ("http://hdfc.com@evil.io", ["evil.io"]),
        ("http://user:pa@ss@evil.io:99/x", ["evil.io"]),
        ("http://hdfc.com\\@evil.io", ["hdfc.com", "evil.io"]),
        ("hdfc.com@evil.io/login", ["evil.io"]),
        ("https://hdfc.com%2eevil.io/", ["hdfc.com.evil.io"]),
        ("http://192.168.1.1:8080/a", ["192.168.1.1"]),
        ("http://3232235777/", ["192.168.1.1"]),
        ("http://0xC0A80101/", ["192.168.1.1"]),
        ("http://030052000401/", ["192.168.1.1"]),
        ("http://01234567/", ["0.5.57.119"]),
        ("http://4294967295/", ["255.255.255.255"]),
        ("http://4294967296/", ["4294967296"]),
        ("http://040000000000/", ["040000000000"]),
        ("http://08123456/", ["08123456"]),
        ("http://٣٢٣٢٢٣٥٧٧٧/", ["xn--bibaabbcoqaa"]),
        ("http://[::1]:80/", ["::1"]),
        ("http://localhost/x", ["localhost"]),
        ("http://раураl.com", ["xn--l-7sba6dbr.com"]),
        ("пример.рф", ["xn--e1afmkfd.xn--p1ai"]),
        ("get.box8.in and cloud9.me", ["get.box8.in", "cloud9.me"]),
        ("a.b.c.d.e.f.g.h.i.com", ["a.b.c.d.e.f.g.h.i.com"]),
        ("call.me later.in ok.so have.fun", []),
        ("Rs.500.In at 2.am, version 1.2.3.4", []),
        ("write to bob@evil.com", []),
        ("U.S. news. a.m. wat.or", []),
        ("nothing here", []),
    ],
)
def test_hosts_that_links_lead_to(text: str, hosts: list[str]) -> None:
    assert domains(text) == hosts


def test_places_of_links_leave_the_punctuation_of_the_sentence_out() -> None:
    text = refang("See (https://a.com/x?y=1). Or b.com!")
    assert [text[link.start : link.end] for link in find_links(text)] == ["https://a.com/x?y=1", "b.com"]


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("evil.io", "evil.io"),
        ("a.b.evil.io", "evil.io"),
        ("notevil.io", None),
        ("evil.io.bank.com", None),
        ("io", None),
    ],
)
def test_a_host_belongs_to_itself_and_to_the_domains_above(host: str, entry: str | None) -> None:
    assert belongs_to(host, {"evil.io"}) == entry


def test_addresses_are_told_from_names() -> None:
    assert is_ip("10.0.0.1") and is_ip("::1")
    assert not is_ip("10.0.0.1.com")


PIECES = [
    "http://",
    "https:\\\\",
    "a",
    "bank.com",
    "evil.io",
    "@",
    ".",
    "/",
    "[.]",
    "é",
    "%2e",
    ":80",
    " ",
    "[",
    "。",
    "1.2.3.4",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
def test_any_text_has_well_formed_hosts(text: str) -> None:
    for host in domains(text):
        assert host
        assert host == host.lower()
        assert not set(host) & set(" /@?#\n")


@given(st.from_regex(r"\A[a-z]{1,10}\Z"), st.sampled_from(["bank.com", "hdfc.co.in"]))
def test_a_user_name_never_passes_for_the_host(user: str, bank: str) -> None:
    assert domains(f"http://{bank}:{user}@evil.io/{user}") == ["evil.io"]


@settings(max_examples=500)
@given(anything)
def test_no_text_is_too_strange(text: str) -> None:
    for host in domains(text):
        is_ip(host)
