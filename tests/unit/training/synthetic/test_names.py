import re
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from training.synthetic.generator import grammar, load

SOUND = """\
%fragment core
[{code}|{acode}] {purpose}
%fragment for_login
for {brand}, not {amount2}
%fragment unused
{purpose}
%rule otp brand=bank,wallet purpose=for_login
{core} {brand} {city2}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "otp" / "x.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return folder


def test_slots_numbered_slots_fragments_and_aliases_are_known(tmp_path: Path) -> None:
    whole = load(write(tmp_path, SOUND))
    assert [rule.kind for rule in whole.rules] == ["otp"]
    assert set(whole.fragments) == {"core", "for_login", "unused"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%rule otp\nPay {amuont2}\n", "rule otp names {amuont2}"),
        ("%rule otp\nPay {Amount}\n", "rule otp names {Amount}"),
        ("%rule otp\nPay at {brand2}\n", "rule otp names {brand2}"),
        ("%fragment core\n{purpose}\n%rule otp\n{core}\n", "fragment core names {purpose}"),
        (
            SOUND.replace("purpose=for_login", "purpose=for_lgoin"),
            "rule otp has purpose=for_lgoin: for_lgoin is no slot",
        ),
        (
            SOUND.replace("purpose=for_login", "purpose=for_login,code"),
            "rule otp has purpose=for_login,code: for_login is a fragment",
        ),
        ("%fragment names\nJo\n%rule otp brand=names\n{brand}\n", "brand=names: names is a fragment"),
        ("%fragment idle\n{nonsense}\n%rule otp\nok\n", "fragment idle names {nonsense}"),
        ("%fragment inner\n{odd}\n%rule otp a=inner\n{a}\n", "fragment inner names {odd}"),
    ],
)
def test_what_exists_nowhere_is_refused_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)) as error:
        load(write(tmp_path, text))
    assert error.value.detail.startswith("otp/x.txt: ")


def test_all_that_is_wrong_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, "%rule otp\n{odd} {strange} {odd}\n{odd}\n"))
    assert len(error.value.detail.splitlines()) == 2


def test_aliases_serve_their_own_rule_alone(tmp_path: Path) -> None:
    text = "%fragment end\nbye\n%fragment tail\n{last}\n%rule otp last=end\n{tail}\n%rule chat\n"
    with pytest.raises(ConfigError, match=r"rule chat names \{last\}"):
        load(write(tmp_path, text + "{last}\n"))
    with pytest.raises(ConfigError, match=r"rule chat uses fragment tail, which needs an alias last="):
        load(write(tmp_path, text + "{tail}\n"))


def test_fragments_that_name_each_other_end_the_search(tmp_path: Path) -> None:
    assert load(write(tmp_path, "%fragment a\n[{b}|x]\n%fragment b\n[{a}|y]\n%rule otp\n{a}\n")).rules


def test_the_grammar_of_the_project_is_sound() -> None:
    assert grammar().rules
