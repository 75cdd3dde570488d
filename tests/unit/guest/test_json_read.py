"""The guest's JSON, written and read by hand, is JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from guest.floor import json_read, json_text

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_the_same(value: Any) -> None:
    assert json_read.text(json_text.of(value)) == value
    assert json.loads(json_text.of(value)) == value
    assert json_read.text(json.dumps(value)) == value
    assert json_read.text(json.dumps(value, ensure_ascii=False, indent=1)) == value


def test_bytes_that_are_not_utf_8_come_through() -> None:
    assert json_read.text(json_text.of(b"a\xff")) == "a\udcff"


@pytest.mark.parametrize(
    "source",
    ["", "{", '{"a"}', '{"a":1,}', "[1", "[1,]", '"abc', '"\\q"', '"\\u12"', "nul", "1x", "1.2.3", '{"a":1}x', "{1:2}"],
)
def test_what_is_not_json_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        json_read.text(source)
