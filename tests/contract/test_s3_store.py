"""What holds for the store on S3 alone: transfers that break, local copies, a server that is away."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli import app
from model_store.manifest import Manifest, encode
from model_store.s3 import S3Store
from model_store.store import refs
from pipeline.errors import ConfigError, ModelError, Unavailable
from tests.support.s3 import LARGE, REF, S3, make_version
from tests.support.versions import manifest_of

MARGIN = 1 << 20  #: more than headers and small files take


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_version(tmp_path / "made", LARGE)


@pytest.fixture
def published(s3: S3, made: Path) -> Manifest:
    s3.store().publish(made, manifest_of(made))
    s3.proxy.reset_counts()
    return manifest_of(made)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_large_file_goes_in_parts(s3: S3, published: Manifest) -> None:
    assert s3.parts(f"{REF}/a.onnx") == 2
    assert s3.parts(f"{REF}/b.onnx") == 0


def test_a_download_goes_on_over_a_new_connection(s3: S3, published: Manifest, made: Path) -> None:
    s3.proxy.cut_after(down=LARGE // 2)
    assert (s3.store().open(REF).path / "a.onnx").read_bytes() == (made / "a.onnx").read_bytes()
    assert LARGE < s3.proxy.down < LARGE + MARGIN, "what had come is not fetched again"


def test_a_download_goes_on_in_another_process(s3: S3, published: Manifest, tmp_path: Path) -> None:
    s3.proxy.cut_after(down=LARGE // 2, for_good=True)
    with pytest.raises(Unavailable, match=r"S3 does not answer for distilbert/1/a\.onnx"):
        s3.store(tmp_path / "cache").open(REF)
    s3.proxy.start()
    s3.proxy.reset_counts()
    assert s3.store(tmp_path / "cache").open(REF).manifest == published
    assert s3.proxy.down < LARGE // 2 + MARGIN


@pytest.mark.parametrize("garbage", [b"garbage", b"g" * LARGE, b"g" * (LARGE + 1)], ids=["part", "all", "more"])
def test_a_left_over_that_does_not_fit_is_fetched_anew(
    s3: S3, published: Manifest, made: Path, tmp_path: Path, garbage: bytes
) -> None:
    s3.proxy.cut_after(down=LARGE // 2, for_good=True)
    with pytest.raises(Unavailable):
        s3.store(tmp_path / "cache").open(REF)
    (left,) = (tmp_path / "cache").rglob("a.onnx")
    left.write_bytes(garbage)
    s3.proxy.start()
    assert (s3.store(tmp_path / "cache").open(REF).path / "a.onnx").read_bytes() == (made / "a.onnx").read_bytes()


def test_what_fails_to_verify_is_never_there(s3: S3, published: Manifest, tmp_path: Path) -> None:
    s3.overwrite(f"{REF}/b.onnx", b"Weights")
    with pytest.raises(ModelError, match="checksum"):
        s3.store(tmp_path / "cache").open(REF)
    s3.proxy.stop()
    assert refs(s3.store(tmp_path / "cache")) == []
    with pytest.raises(Unavailable):
        s3.store(tmp_path / "cache").open(REF)


def test_a_verified_copy_is_served_without_asking(s3: S3, published: Manifest, tmp_path: Path) -> None:
    first = s3.store(tmp_path / "cache").open(REF)
    s3.proxy.reset_counts()
    assert s3.store(tmp_path / "cache").open(REF) == first
    assert s3.proxy.calls == 0


def test_while_s3_is_down_copies_serve(
    s3: S3, published: Manifest, made: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    s3.store().publish(made, manifest_of(made, "2"))
    s3.store(tmp_path / "cache").open(REF)
    s3.proxy.stop()
    store = s3.store(tmp_path / "cache")
    assert store.open(REF).manifest == store.manifest(REF) == published
    with caplog.at_level(logging.WARNING):
        assert (store.names(), store.versions("distilbert")) == (["distilbert"], ["1"])
    assert "listing local copies of distilbert alone: S3 does not answer" in caplog.text
    for call in (store.open, store.manifest, store.delete):
        with pytest.raises(Unavailable, match="S3 does not answer for distilbert/2/"):
            call("distilbert/2")
    with pytest.raises(Unavailable):
        store.verify(REF)
    with pytest.raises(Unavailable):
        store.publish(made, manifest_of(made, "3"))


def test_without_credentials_copies_serve(
    s3: S3, published: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.store(tmp_path / "cache").open(REF)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert s3.store(tmp_path / "cache").open(REF).manifest == published
    with pytest.raises(Unavailable, match="NoCredentialsError"):
        s3.store().open(REF)


def test_a_copy_is_held_to_the_rules_too(s3: S3, published: Manifest, tmp_path: Path) -> None:
    s3.store(tmp_path / "cache").open(REF)
    with pytest.raises(ModelError, match="versions from before 2026-01-02 are refused"):
        s3.store(tmp_path / "cache", min_created="2026-01-02").open(REF)


@pytest.mark.parametrize("file", ["b.onnx", "manifest.json"])
def test_a_damaged_copy_is_fetched_again(
    s3: S3, published: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    damaged = s3.store(tmp_path / "cache").open(REF).path / file
    whole = damaged.read_bytes()
    damaged.write_bytes(b"Weights")
    with caplog.at_level(logging.WARNING):
        s3.store(tmp_path / "cache").open(REF)
    assert damaged.read_bytes() == whole
    assert "a local copy is damaged" in caplog.text and REF in caplog.text


def test_a_damaged_copy_is_not_served_while_s3_is_down(s3: S3, published: Manifest, tmp_path: Path) -> None:
    (s3.store(tmp_path / "cache").open(REF).path / "b.onnx").write_bytes(b"Weights")
    s3.proxy.stop()
    with pytest.raises(Unavailable, match=r"distilbert/1/manifest\.json"):
        s3.store(tmp_path / "cache").open(REF)


def test_the_last_good_version_serves_when_the_next_one_is_bad(
    s3: S3, published: Manifest, made: Path, tmp_path: Path
) -> None:
    store = s3.store(tmp_path / "cache")
    store.open(REF)
    s3.overwrite("distilbert/2/manifest.json", b"{}")
    with pytest.raises(ModelError, match="manifest of distilbert/2"):
        store.open("distilbert/2")
    assert store.open(REF).manifest == published


def test_many_that_open_at_once_fetch_once(s3: S3, published: Manifest, tmp_path: Path) -> None:
    stores, start = [s3.store(tmp_path / "cache") for _ in range(4)], threading.Barrier(4)

    def open_with_all(store: S3Store) -> Manifest:
        start.wait()
        return store.open(REF).manifest

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_with_all, stores)) == [published] * 4
    assert s3.proxy.down < LARGE + MARGIN


def test_two_places_never_share_copies(s3: S3, published: Manifest, tmp_path: Path) -> None:
    s3.store(tmp_path / "cache").open(REF)
    with pytest.raises(ModelError, match="no model version"):
        S3Store(f"s3://{s3.bucket}/other", tmp_path / "cache").open(REF)


def test_an_interrupted_publish_leaves_no_version_and_goes_on(s3: S3, made: Path) -> None:
    (made / "b.onnx").write_bytes(b"b" * LARGE)
    manifest = manifest_of(made)
    s3.proxy.cut_after(up=LARGE + LARGE // 2, for_good=True)
    with pytest.raises(Unavailable, match=r"distilbert/1/b\.onnx"):
        s3.store().publish(made, manifest)
    s3.proxy.start()
    assert s3.store().names() == s3.store().versions("distilbert") == []
    with pytest.raises(ModelError, match="no model version"):
        s3.store().open(REF)
    s3.proxy.reset_counts()
    assert s3.store().publish(made, manifest) == REF
    assert LARGE < s3.proxy.up < LARGE + MARGIN, "a.onnx is not sent again"
    s3.store().verify(REF)


def test_left_overs_of_another_publish_are_not_overwritten(s3: S3, made: Path) -> None:
    s3.overwrite(f"{REF}/b.onnx", b"theirs!")
    with pytest.raises(ModelError, match=r"another publisher left another b\.onnx of distilbert/1"):
        s3.store().publish(made, manifest_of(made))
    s3.store().delete(REF)
    s3.store().publish(made, manifest_of(made))
    s3.store().verify(REF)


@pytest.mark.parametrize("theirs", [b"weights", b"Weights"], ids=["equal files", "other files"])
def test_of_two_publishers_one_wins(s3: S3, made: Path, monkeypatch: pytest.MonkeyPatch, theirs: bytes) -> None:
    rival = make_version(made.with_name("rival"), LARGE)
    (rival / "b.onnx").write_bytes(theirs)
    winner, loser = s3.store(), s3.store()
    upload = loser._bucket.upload

    def upload_late(key: str, path: Path, note: str) -> bool:
        """The loser has seen that nobody published; now somebody does."""
        monkeypatch.setattr(loser._bucket, "upload", upload)
        winner.publish(rival, manifest_of(rival))
        return upload(key, path, note)

    monkeypatch.setattr(loser._bucket, "upload", upload_late)
    with pytest.raises(ModelError, match=r"already published|another publisher left another b\.onnx"):
        loser.publish(made, manifest_of(made))
    assert (s3.store().open(REF).path / "b.onnx").read_bytes() == theirs


def test_a_large_file_of_a_rival_is_not_overwritten(s3: S3, published: Manifest, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"o" * LARGE)
    assert s3.store()._bucket.upload(f"{REF}/a.onnx", other, "note") is False
    s3.store().verify(REF)


def test_a_lost_answer_does_not_make_a_publisher_lose_to_itself(s3: S3, made: Path) -> None:
    bucket = s3.store()._bucket
    s3.proxy.cut_after(down=100)  # past "100 Continue", before the end of the headers that say it was done
    assert bucket.put("key", b"data") is True
    assert s3.proxy.calls > 1
    assert bucket.put("key", b"data") is False


def test_a_cache_that_cannot_be_written_is_named(s3: S3, published: Manifest, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(Unavailable, match=r"no local copy of distilbert/1 can be written: .*cache"):
        s3.store(tmp_path / "cache").open(REF)


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://UPPER", "https://bucket", "s3://a"])
def test_what_is_no_bucket_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not of the form s3://bucket/prefix"):
        S3Store(url, tmp_path)


def test_a_bucket_that_does_not_exist_is_named(s3: S3, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such bucket: not-there"):
        S3Store("s3://not-there", tmp_path).names()


def test_an_endpoint_that_is_none_is_named(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "localhost")
    with pytest.raises(ConfigError, match="localhost"):
        S3Store("s3://bucket", tmp_path)


def test_the_command_line_carries_a_version_there_and_back(s3: S3, made: Path, tmp_path: Path) -> None:
    (made / "manifest.json").write_bytes(encode(manifest_of(made)))
    where = ("--root", s3.url, "--cache", str(tmp_path / "cache"))

    def winnow(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["models", *args, *where])
        return done.exit_code, done.output

    assert winnow("push", str(made)) == (0, "distilbert/1 is published\n")
    assert winnow("push", str(made)) == (1, "error: distilbert/1 is already published; a version never changes\n")
    assert "distilbert/1" in winnow("list")[1]
    assert winnow("verify") == (0, "distilbert/1 ok\n")
    assert winnow("pull", REF, "--to", str(tmp_path / "back"))[0] == 0
    assert contents(tmp_path / "back") == contents(made)
    assert winnow("delete", REF, "--yes") == (0, "distilbert/1 is deleted\n")
    s3.proxy.stop()
    code, output = winnow("verify", REF)
    assert code == 1
    assert output.splitlines() == ["error: S3 does not answer for distilbert/1/manifest.json: EndpointConnectionError"]
