from pathlib import Path

import pytest

from deployments import report_folder
from pipeline.errors import ConfigError
from tests.support.winnow import Winnow
from training.evaluation.judged import Judged

ROWS = "label,text\n" + "".join(f"spam,a prize number {i}\n" for i in range(8)) + "ham,see you\n"


@pytest.fixture
def reports(online: Winnow, tmp_path: Path) -> Winnow:
    """Two reports on the same file, of which the second takes all spam for something else."""
    (tmp_path / "rows.csv").write_text(ROWS)
    assert online("evaluate", "--file", "rows.csv", "--send", "bulk", "--report", "old").exit_code == 0
    saved = report_folder.read(tmp_path / "old")
    worse = [Judged(set=row.set, index=row.index, spam=row.spam, phishing=row.phishing, is_spam=False, spam_score=0.1)
             for row in saved.judged["rows.csv"]]  # fmt: skip
    (tmp_path / "new").mkdir()
    report_folder.write(tmp_path / "new", saved.results, {"rows.csv": worse})
    return online


def test_what_is_written_is_read(reports: Winnow, tmp_path: Path):
    saved = report_folder.read(tmp_path / "old")
    assert [row.index for row in saved.judged["rows.csv"]] == list(range(9))
    assert saved.results.sets[0].rows == 9


def test_what_got_worse_is_named_without_texts(reports: Winnow):
    shown = reports("compare", "old", "new")
    assert shown.exit_code == 0, shown.stderr
    worse = shown.stdout.split("## Better")[0]
    assert "| rows.csv | spam | 8 | 8 | 0 | +0 -8 | 0.00781 |" in worse
    assert "| rows.csv | 7 | spam |" in shown.stdout
    assert "prize" not in shown.stdout


def test_texts_where_they_are_asked_for(reports: Winnow):
    assert "| rows.csv | 7 | spam | a prize number 7 |" in reports("compare", "old", "new", "--show-texts").stdout


def test_texts_that_have_changed_are_not_shown(reports: Winnow, tmp_path: Path):
    (tmp_path / "rows.csv").write_text(ROWS.replace("number 7", "number 8"))
    failed = reports("compare", "old", "new", "--show-texts")
    assert failed.exit_code == 1
    assert "no longer those" in failed.stderr
    (tmp_path / "rows.csv").unlink()
    assert "cannot be read again" in reports("compare", "old", "new", "--show-texts").stderr


def test_other_texts_under_the_same_name_are_left_out(reports: Winnow, tmp_path: Path):
    (tmp_path / "rows.csv").write_text(ROWS.replace("see you", "see her"))
    reports("evaluate", "--file", "rows.csv", "--send", "bulk", "--report", "other")
    assert "only in one: rows.csv" in reports("compare", "old", "other").stdout


def test_a_folder_without_a_report_is_refused(reports: Winnow, tmp_path: Path):
    assert "holds no report" in reports("compare", "old", "nowhere").stderr
    (tmp_path / "old" / "verdicts.jsonl").write_text('{"set": 5}\n')
    with pytest.raises(ConfigError, match="cannot be read"):
        report_folder.read(tmp_path / "old")
