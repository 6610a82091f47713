"""Every term has its explanation."""

from __future__ import annotations

import pytest

from resource_report.glossary import TERMS


@pytest.mark.parametrize("key", TERMS)
def test_a_term_explains_itself_in_sentences(key: str) -> None:
    term = TERMS[key]

    assert term.title
    assert term.short.endswith(".")
    assert not term.text or term.text.endswith(".")
    assert key == key.lower()
    assert " " not in key, "keys are anchors"
