import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from training.synthetic.notation import expand, parse, read


def say(pattern: str, seed: int = 0, **values: str) -> str:
    return expand(pattern, values.__getitem__, random.Random(seed))


def test_choices_nest_and_may_be_empty() -> None:
    found = {say("[a[1|2]|b|]", seed) for seed in range(60)}
    assert found == {"a1", "a2", "b", ""}


def test_slots_are_filled_and_spacing_is_mended() -> None:
    assert say("Hi {name} , [|] pay {amount} .", name="Ann", amount="£5") == "Hi Ann, pay £5."
    assert say("Thanks!.") == "Thanks!"
    assert say("one\\ntwo") == "one\ntwo"


def test_brackets_and_bars_can_be_escaped() -> None:
    assert expand(r"\[Web\] [a|a] \| b", str, random.Random(0)) == "[Web] a | b"


def test_line_breaks_at_the_ends_are_dropped() -> None:
    assert expand(r"\na\n[b]\n[|]", str, random.Random(0)) == "a\nb"


def test_parts_come_in_any_order() -> None:
    assert {say("<<a ;; b>>", seed) for seed in range(30)} == {"a b", "b a"}


@pytest.mark.parametrize("pattern", ["[a|b", "a]", "<<a ;; b", "a>>", "[a;;b>>"])
def test_unbalanced_brackets_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|match"):
        parse(pattern)


@given(st.text(alphabet="[]|<>;{}a ", max_size=30))
def test_any_text_is_parsed_or_refused(pattern: str) -> None:
    try:
        parse(pattern)
    except ValueError:
        return
    assert isinstance(say(pattern, **{"a" * n: "v" for n in range(1, 30)}), str)


def test_headers_become_rules_and_unknown_keys_aliases(tmp_path: Path) -> None:
    file = tmp_path / "bank" / "x.txt"
    file.parent.mkdir()
    file.write_text(
        "# note\n%fragment hi\nhello\n\n%rule bank label=ham brand=bank,wallet weight=2 country=-IN\nA {hi}\n"
    )
    grammar = read(file)
    (rule,) = grammar.rules
    assert (rule.kind, rule.family, rule.weight, rule.alias) == ("bank", "bank", 2.0, {"brand": "bank,wallet"})
    assert rule.reaches("US")
    assert not rule.reaches("IN")
    assert grammar.fragments == {"hi": ("hello",)}


def test_malformed_files_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("%rule ok\nfine\n\n%rule bad\n[broken\n")
    with pytest.raises(ConfigError, match=r"x\.txt, block at line 4"):
        read(file)
    file.write_text("stray\n")
    with pytest.raises(ConfigError, match="line 1"):
        read(file)
