import re

import pytest

from pipeline.types import INTENTS, NOT_OTP
from tests.support.hash_seed import outputs
from training.dedupe import exact_key
from training.examples import Example
from training.leakage import leakage
from training.synthetic import generate, generator
from training.synthetic.generator import families, grammar
from training.synthetic.links import slug
from training.synthetic.recipe import SHARES, VARIANTS


@pytest.fixture(scope="module")
def messages() -> list[Example]:
    return generate(6000, seed=11)


def test_same_arguments_same_messages() -> None:
    assert generate(200, 5) == generate(200, 5)
    assert generate(200, 5) != generate(200, 6)
    assert generate(50, 5) == generate(200, 5)[:50]


def test_messages_do_not_depend_on_the_hash_seed() -> None:
    program = "from training.synthetic import generate; print(generate(150, 3))"
    assert len(outputs(program)) == 1


def test_labels_agree_with_each_other(messages: list[Example]) -> None:
    for message in messages:
        assert not (message.phishing and not message.spam)
        assert not (message.otp and message.spam)
        assert (message.intent == NOT_OTP) == (not message.otp)
        assert message.intent is None or message.intent in INTENTS


def test_every_intent_kind_and_country_is_written(messages: list[Example]) -> None:
    assert {m.intent for m in messages} == {*INTENTS, None}
    assert len({m.country for m in messages}) >= 25
    assert {m.kind for m in messages} == {rule.kind for rule in grammar().rules}


def test_texts_are_finished(messages: list[Example]) -> None:
    for message in messages:
        assert message.text
        assert message.text == message.text.strip()
        assert not re.search(r"\{[a-z]|\[[^\]]*\||<<|;;", message.text), message.text
        assert len(message.text) <= 500


def test_one_time_passwords_hold_a_code(messages: list[Example]) -> None:
    for message in messages:
        if message.otp:
            assert re.search(r"\d", message.text), message.text


def test_wording_is_varied(messages: list[Example]) -> None:
    masked = {re.sub(r"\d", "0", exact_key(m.text)) for m in messages}
    assert len(masked) > 0.97 * len(messages)


def test_held_out_messages_are_mostly_unlike_those_of_training(messages: list[Example]) -> None:
    held = generate(2000, seed=12, split="heldout")
    assert leakage(messages, held).share < 0.12


def test_hard_negatives_name_codes_without_being_one(messages: list[Example]) -> None:
    notices = [m for m in messages if m.kind == "security_notice"]
    assert sum(bool(re.search(r"OTP|PIN|code", m.text)) for m in notices) > len(notices) / 3
    assert all(m.otp is False and m.spam is False for m in notices)


def test_plain_messages_carry_no_disguise() -> None:
    plain = generate(400, seed=2, varied=False)
    varied = generate(400, seed=2)
    changed = [a for a, b in zip(plain, varied, strict=True) if a.text != b.text]
    assert changed
    assert all(message.spam or message.kind in VARIANTS for message in changed)


def test_recipe_asks_for_the_families_that_there_are() -> None:
    assert sorted(SHARES) == families()


def test_some_legitimate_notices_run_on_and_no_fraud_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "TAILS", {"service": 1.0, "phishing": 1.0})
    long = generate(800, seed=4, varied=False)
    monkeypatch.setattr(generator, "TAILS", {})
    plain = generate(800, seed=4, varied=False)

    def grown(label: bool) -> float:
        pairs = [(a, b) for a, b in zip(long, plain, strict=True) if a.spam is label and a.group == b.group]
        return sum(a.text.startswith(b.text) and a.text != b.text for a, b in pairs) / len(pairs)

    assert grown(False) > 0.1
    assert grown(True) == 0.0


def test_brands_of_other_scripts_have_a_steady_latin_address() -> None:
    assert slug("Marks & Co") == "marksco"
    assert slug("顺丰速运") == slug("顺丰速运") != slug("中国移动")
    assert slug("顺丰速运").isascii() and slug("顺丰速运").isalpha()
