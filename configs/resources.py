"""What settings name, opened: the model store, the rules, the policies."""

from configs.settings import Settings, project_path
from model_store import open as stores
from model_store.manifest import Manifest
from model_store.store import Store
from pipeline.policy import Policies, load_policies
from pipeline.rules import RuleBook


def open_store(settings: Settings) -> Store:
    """The store that all deployments load from.

    Raises:
        ConfigError: the address of a bucket, or the endpoint in the environment, is not one.
    """
    models = settings.models
    root = models.root if stores.is_remote(models.root) else str(project_path(models.root))
    return stores.open_store(root, project_path(models.cache), min_created=models.min_created)


def read_manifests(settings: Settings) -> dict[str, Manifest]:
    """Version to manifest, of what a server starts with.

    Raises:
        ModelError: one is missing, tampered with or incompatible.
    """
    store = open_store(settings)
    return {ref: store.open(ref).manifest for ref in (*trees_to_start_with(settings), *settings.models.transformers)}


def trees_to_start_with(settings: Settings) -> list[str]:
    """The TF-IDF bundle of the settings, and those that the transformers are calibrated with.

    Raises:
        ModelError: a transformer is missing or malformed.
    """
    store = open_store(settings)
    partners = [partner(settings, store.manifest(ref)) for ref in settings.models.transformers]
    return list(dict.fromkeys([settings.models.trees, *partners]))


def partner(settings: Settings, manifest: Manifest) -> str:
    """The TF-IDF bundle that is a transformer's gate."""
    return manifest.ensemble.partner if manifest.ensemble else settings.models.trees


def read_rules(settings: Settings) -> RuleBook:
    """
    Raises:
        ConfigError: names the file, the line and the rule that is wrong.
    """
    path = project_path(settings.rules)
    return RuleBook.load(path.read_text(), settings.rules)


def read_policies(settings: Settings) -> Policies:
    """
    Raises:
        ConfigError: names the file, the line and the key that is wrong.
    """
    return load_policies(project_path(settings.policies).read_text(), settings.policies)


def check(settings: Settings) -> None:
    """Open everything once, so that a mistake is told before anything starts.

    Raises:
        ConfigError: rules or policies are wrong.
        ModelError: a model is missing, tampered with or incompatible.
    """
    read_rules(settings)
    read_policies(settings)
    read_manifests(settings)
