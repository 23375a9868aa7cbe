import msgspec
import pytest

from pipeline.errors import ConfigError
from pipeline.yamlfile import Document


class Item(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: int = 0


class Top(msgspec.Struct, forbid_unknown_fields=True):
    items: list[Item]
    title: str = ""


def test_anchors_are_shared_values() -> None:
    top = Document("items: [&a {name: x, size: 2}, *a]", "f").decode(Top)
    assert top.items == [Item("x", 2), Item("x", 2)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("items:\n  - name: x\n  - size: 1\n", r"f:3: items\[1\]: .*missing required field `name`"),
        ("items:\n  - name: x\n    size: big\n", r"f:3: items\[0\]\.size: Expected `int`"),
        ("items: []\nname: x\n", r"f:2: name: .*unknown field"),
        ("items: []\ntitle: [\n", r"f:\d: "),
        ("items: []\nitems: []\n", r"f:2: key 'items' stands here twice"),
        ("- a\n", r"f:1: .*Expected `object`, got `array`"),
        ("a: *nowhere\n", r"f:1: found undefined alias"),
    ],
)
def test_complaints_name_file_line_and_key(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Document(text, "f").decode(Top)


def test_a_place_that_is_missing_is_told_by_the_deepest_line_there_is() -> None:
    document = Document("items:\n  - name: x\n", "f")
    assert document.error("$.items[0].size.unit", "why").detail == "f:2: items[0].size.unit: why"
