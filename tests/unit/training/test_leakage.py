from pathlib import Path

import pytest

from training.leakage import Leakage, leakage, main, sentence


def write(folder: Path, name: str, *texts: str) -> str:
    (folder / name).write_text("\n".join(["text", *texts]), encoding="utf-8")
    return str(folder / name)


def test_overlap_of_two_files_is_said_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = write(tmp_path, "a.csv", "please call me back soon", "your order 12 has shipped today")
    other = write(tmp_path, "b.csv", "Please call me back soon", "YOUR order 99 has shipped today ok", "see you", "bye")
    main([mine, other])
    assert capsys.readouterr().out.splitlines() == [
        f"of 4 rows of {other}, 1 (25.0%) stand in {mine} and 2 (50.0%) have a near-duplicate there, "
        "equal ones included",
        f"of 2 rows of {mine}, 1 (50.0%) stand in {other} and 2 (100.0%) have a near-duplicate there, "
        "equal ones included",
    ]


def test_an_unknown_set_ends_the_command_with_its_name() -> None:
    with pytest.raises(SystemExit, match="error: 'nothing' is neither a set"):
        main(["nothing", "uci"])


def test_empty_sets_share_nothing() -> None:
    found = leakage([], [])
    assert found == Leakage(0, 0, 0)
    assert found.share == 0.0
    assert "of 0 rows" in sentence("b", "a", found)
