import msgspec
import pytest

from pipeline.errors import InvalidField
from pipeline.guardrails import RAMP, Step
from pipeline.ramps import Ramp


def test_the_usual_ramp_starts_at_one_percent() -> None:
    ramp = Ramp("m/2")
    assert (ramp.share, ramp.is_complete, ramp.steps) == (0.01, False, RAMP)


def test_the_last_step_is_complete() -> None:
    ramp = Ramp("m/2", (Step(0.5), Step(1.0)), step=1)
    assert (ramp.share, ramp.is_complete) == (1.0, True)


@pytest.mark.parametrize("shares", [(), (0.5, 0.5), (0.5, 0.1, 1.0)], ids=str)
def test_shares_must_rise(shares: tuple[float, ...]) -> None:
    with pytest.raises(InvalidField) as refused:
        Ramp("m/2", tuple(map(Step, shares)))
    assert refused.value.field == "$.steps"


def test_a_step_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidField, match="less than 4") as refused:
        Ramp("m/2", step=4)
    assert refused.value.field == "$.step"


def test_it_survives_its_own_encoding() -> None:
    ramp = Ramp("m/2", step=2, since=12.5)
    assert msgspec.json.decode(msgspec.json.encode(ramp), type=Ramp) == ramp
