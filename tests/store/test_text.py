"""JSON text that says the same as the standard library's, in fewer lines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nirdynap.errors import StoreError
from nirdynap.store.text import from_text, to_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
documents = st.dictionaries(st.text(), values, max_size=4)


@given(documents)
def test_says_the_same(document: dict[str, object]) -> None:
    text = to_text(document)
    assert json.loads(text) == document
    assert from_text(text.encode(), "here") == document


@given(documents)
def test_order_of_keys_does_not_matter(document: dict[str, object]) -> None:
    assert to_text(dict(reversed(document.items()))) == to_text(document)


def test_layout() -> None:
    document = {"b": [1, 2], "a": {"x": None, "list": [{"k": "ü"}, {}]}, "w": np.arange(4).reshape(2, 1, 2)}
    assert to_text({**document, "v": np.arange(3)}).splitlines() == [
        "{",
        ' "a": {',
        '  "list": [',
        "   {",
        '    "k": "\\u00fc"',
        "   },",
        "   {}",
        "  ],",
        '  "x": null',
        " },",
        ' "b": [1, 2],',
        ' "v": [0,1,2],',
        ' "w": [',
        "  [[0,1]],",
        "  [[2,3]]",
        " ]",
        "}",
    ]


@pytest.mark.parametrize("data", [b"", b"nul", b"{1: 2}", b"[" * 200_000, b"\xff", b"9" * 10_000])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(StoreError, match=r"ND601 not a spec file, at here: not JSON: "):
        from_text(data, "here")
