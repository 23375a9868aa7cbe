import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.examples import Example
from training.fingerprint import fingerprint

rows = st.lists(
    st.builds(
        Example,
        text=st.text(max_size=20),
        sender=st.sampled_from(["", "HDFC"]),
        spam=st.sampled_from([None, True, False]),
        source=st.just("uci"),
    ),
    max_size=6,
)


@given(rows, st.randoms())
def test_order_does_not_count(found: list[Example], chance: object) -> None:
    mixed = list(found)
    chance.shuffle(mixed)
    assert fingerprint(mixed) == fingerprint(found)


@pytest.mark.parametrize(
    "change", [{"text": "b"}, {"sender": "X"}, {"spam": False}, {"otp": True}, {"intent": "NOT_OTP"}]
)
def test_every_fact_that_is_learned_counts(change: dict[str, object]) -> None:
    row = Example(text="a", spam=True, source="uci")
    assert fingerprint([msgspec.structs.replace(row, **change)]) != fingerprint([row])


def test_how_often_a_row_is_there_counts() -> None:
    row = Example(text="a", spam=True, source="uci")
    assert len({fingerprint([row] * count) for count in range(4)}) == 4


def test_a_lone_surrogate_is_no_hindrance() -> None:
    assert len(fingerprint([Example(text="half \ud83d", source="uci")])) == 64
