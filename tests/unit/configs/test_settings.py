"""Settings and profiles: every mistake is refused by name."""

from pathlib import Path

import pytest

from configs import resources
from configs.profile import load
from configs.settings import ROOT, Settings, parse, project_path, secrets
from deployments.cli.serve import NAMES
from model_store.s3 import S3Store
from pipeline.errors import ConfigError, ModelError

ENVIRONMENT = {"REDIS_URL": "redis://a", "DATABASE_URL": "postgresql://b", "WINNOW_SECRET": "s"}


def test_every_setting_has_a_default():
    assert parse({}) == Settings()


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"cascade": {"enabeld": True}}, "enabeld"),
        ({"models": {"threads": "two"}}, "models.threads"),
        ({"models": {"min_created": "January"}}, "min_created"),
        ({"assess_lane": {"slots": 1.5}}, "assess_lane.slots"),
        ({"stage_timeout_ms": 5000}, "stage_timeout_ms"),
        ({"intent": {"sample_rate": 1.5}}, "intent.sample_rate"),
        ({"intent": {"budget_usd_per_tenant_day": -1}}, "intent.budget_usd_per_tenant_day"),
        ({"intent": {"prices": {"promt": 1.0}}}, "promt"),
    ],
)
def test_wrong_settings_are_named(raw, named):
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    assert named in caught.value.detail


def test_models_that_are_too_old_are_refused():
    resources.check(parse({"models": {"min_created": "2026-11-24"}}))
    with pytest.raises(ModelError, match=r"distilbert/4|lightgbm/2"):
        resources.check(parse({"models": {"min_created": "9999-12-31"}}))


def test_models_may_lie_in_a_bucket():
    opened = resources.open_store(parse({"models": {"root": "s3://bucket/prefix"}}))
    assert isinstance(opened, S3Store)
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        resources.open_store(parse({"models": {"root": "s3://"}}))


def test_a_server_starts_with_the_bundles_that_its_transformers_are_calibrated_with():
    assert resources.trees_to_start_with(Settings()) == ["lightgbm/2"]
    assert resources.trees_to_start_with(parse({"models": {"trees": "lightgbm/9"}})) == ["lightgbm/9", "lightgbm/2"]


def test_secrets_come_from_the_environment():
    found = secrets({**ENVIRONMENT, "GROQ_API_KEY": "k"})
    assert (found.redis_url, found.groq_api_key, found.groq_base_url) == ("redis://a", "k", "https://api.groq.com")


@pytest.mark.parametrize(
    ("old", "expected"), [("", ("s",)), ("r", ("s", "r")), (" r , q,", ("s", "r", "q"))], ids=["none", "one", "two"]
)
def test_earlier_secrets_follow_the_one_in_force(old, expected):
    assert secrets({**ENVIRONMENT, "WINNOW_SECRET_OLD": old}).all_secrets == expected


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_a_missing_secret_is_named(missing):
    with pytest.raises(ConfigError) as caught:
        secrets({**ENVIRONMENT, missing: ""})
    assert missing in caught.value.detail


def test_relative_paths_start_at_the_project():
    assert project_path("configs/rules.yaml") == ROOT / "configs/rules.yaml"
    assert project_path("/etc/rules.yaml") == Path("/etc/rules.yaml")


@pytest.mark.parametrize("profile", sorted((ROOT / "configs").glob("serve.*.yaml")), ids=lambda path: path.name)
def test_the_profiles_that_ship_name_every_deployment(profile):
    found = load(profile, NAMES)
    named = {deployment.name for deployment in found.application.deployments}
    assert named == NAMES - set(found.settings.placement.in_ingress)


def test_what_the_production_profile_says_of_the_spool_is_so(tmp_path):
    """Uncommented, it is a setting, and its absolute path stays as it is."""
    text = (ROOT / "configs" / "serve.production.yaml").read_text()
    (tmp_path / "serve.yaml").write_text(text.replace("# feedback: {spool", "feedback: {spool"))
    spool = load(tmp_path / "serve.yaml", NAMES).settings.feedback.spool
    assert project_path(spool) == Path("/var/lib/winnow/feedback")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("Ingress, num_replicas", "LightGbm, num_replicas", "['LightGbm'] live in the ingress"),
        ("[RuleEngine,", "[DistilBert,", "in_ingress"),
    ],
)
def test_a_stage_is_either_a_deployment_or_in_the_ingress(tmp_path, old, new, named):
    assert named in broken(tmp_path, (ROOT / "configs/serve.compact.yaml").read_text().replace(old, new))


def test_what_ships_can_be_opened():
    resources.check(Settings())


def broken(tmp_path: Path, text: str) -> str:
    path = tmp_path / "serve.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, NAMES)
    assert str(path) in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("applications: []", "exactly one"),
        ("applications: [{}, {}]", "exactly one"),
        ("{}", "applications"),
        ("applications: [{}]\nhttp_optoins: {}", "http_optoins"),
        ("applications:\n  - deployments:\n      - {name: Ingress, replicas: 2}", "yaml:3"),
        ("applications: [{deployments: [{name: Oracle}]}]", "Oracle"),
        ("applications: [{args: {colour: 1}}]", "colour"),
        ("applications: [", "yaml"),
    ],
)
def test_wrong_profiles_are_named_with_their_place(tmp_path, text, named):
    assert named in broken(tmp_path, text)


def test_a_missing_profile_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "nowhere.yaml", NAMES)
