"""YAML that users edit, read strictly: every complaint names the file, the line and the key."""

import re
from typing import Any, TypeVar

import msgspec
import yaml

from pipeline.errors import ConfigError

T = TypeVar("T")

_PATH_IN_ERROR = re.compile(r" - at `(key in )?(\$.*)`$")
_UNKNOWN_FIELD = re.compile(r"unknown field `(.+?)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class Document:
    """A YAML text with its lines.

    Args:
        text: the YAML.
        name: how complaints call it, usually its path.

    Raises:
        ConfigError: it is not YAML, or a mapping has a key twice.
    """

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        try:
            loader = yaml.SafeLoader(text)
            self._root = loader.get_single_node()
            self._refuse_twice(self._root, set())
            self._data = loader.construct_document(self._root) if self._root else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{name}:{line}: {error.problem or 'not valid YAML'}") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{name}: {str(error).splitlines()[0]}") from None

    def decode(self, type_: type[T]) -> T:
        """The document as a struct.

        Raises:
            ConfigError: a key is missing, unknown or of the wrong type.
        """
        try:
            return msgspec.convert(self._data, type_)
        except msgspec.ValidationError as error:
            raise self._explain(str(error)) from None

    def error(self, path: str, reason: str) -> ConfigError:
        """A complaint about a place of the document, given as a path like `$.symbols[3].text`."""
        return ConfigError(f"{self._name}:{self._line(path)}: {path.removeprefix('$.')}: {reason}")

    def _explain(self, message: str) -> ConfigError:
        found = _PATH_IN_ERROR.search(message)
        path = found[2] if found else "$"
        reason = message[: found.start()] if found else message
        unknown = _UNKNOWN_FIELD.search(reason)
        return self.error(f"{path}.{unknown[1]}" if unknown else path, reason)

    def _line(self, path: str) -> int:
        """Line of the deepest place along the path that the document has; of a mapping's entry, its key's."""
        node, line = self._root, 1
        for key, index in _STEP.findall(path):
            if isinstance(node, yaml.MappingNode) and key:
                found = next(((k, v) for k, v in node.value if k.value == key), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
                node = node.value[int(index)]
                line = node.start_mark.line + 1
            else:
                break
        return line

    def _refuse_twice(self, node: yaml.Node | None, seen: set[int]) -> None:
        """YAML keeps the last of two equal keys in silence."""
        if id(node) in seen:
            return
        seen.add(id(node))
        children: list[Any] = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, _ in node.value:
                if key.value in keys:
                    raise ConfigError(f"{self._name}:{key.start_mark.line + 1}: key {key.value!r} stands here twice")
                keys.add(key.value)
            children = [value for _, value in node.value]
        for child in children:
            self._refuse_twice(child, seen)
