from time import thread_time

import pytest

from workflow_engine.conditions import regex
from workflow_engine.exceptions import ConditionFailed


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*c$", "(.*a){12}$", "[ab]{1000}c", "(a?){300}a{300}c"]
)
def test_search__evil_pattern_in_time(pattern):
    text = "a" * 9_999 + "b"
    regex.search(pattern, "")
    began = thread_time()

    found = regex.search(pattern, text, limit_seconds=60)

    assert not found
    assert thread_time() - began < regex.LIMIT_SECONDS


def test_search__too_slow_is_an_error():
    with pytest.raises(ConditionFailed) as caught:
        regex.search("b$", "a" * 10_000, limit_seconds=0)

    assert caught.value.code == "regex_timeout"


def test_search__longest_text():
    assert regex.search("é$", "a" * 9_999 + "é") is True
    with pytest.raises(ConditionFailed) as caught:
        regex.search("a", "a" * 10_001)

    assert caught.value.code == "value_too_long"
    assert str(caught.value) == "text is 10001 characters, at most 10000"


def test_search__text_beyond_ascii():
    assert regex.search("^.{3}$", "日本語") is True
    assert regex.search("Ü", "ü", ignore_case=True) is True
    assert regex.search("^.$", "\ud800") is True


def test_pattern_problem__half_a_surrogate_pair():
    assert "half a surrogate pair" in regex.pattern_problem("\ud800")
