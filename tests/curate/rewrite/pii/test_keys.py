import re

import pytest

from tests.curate.rewrite.pii.finds import found


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "Q7ZK2MPLX5NB3TRV",
        "ghp_" + "a1B2c3D4e5F6" * 3,
        "xoxb-" + "2345678901-abcdefGHIJ",
        "AIza" + "Sy4x-Qk_9" * 3 + "AbCdEfGh",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\nx9\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_with_a_recognisable_form_are_found_whole(secret):
    assert found(f"export TOKEN is {secret} .") == [("key", secret)]


def test_random_values_after_a_telling_name_are_keys_and_words_are_not():
    assert found('api_key = "9fK2xQ7LmZp4RtVb8WcY"') == [("key", "9fK2xQ7LmZp4RtVb8WcY")]
    assert not found("api_key = your-api-key-goes-here, secret_key: aaaaaaaaaaaaaaaa1111")


def test_a_web_token_is_found_after_text_that_only_resembles_one():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
    for before in ("", "a-", "-eyJ" * 3, "eyJeyJ-", "é", "eyJabc.", "eyJabcdefghijkl.eyJabcdefghijkl "):
        spans = [match.span() for match in re.finditer(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", before + token)]
        assert found(before + token) == [("key", (before + token)[start:end]) for start, end in spans], before


def test_positions_of_many_keys_are_byte_offsets():
    text = "é AKIAABCDEFGHIJKLMNOP 日" * 500
    assert found(text) == [("key", "AKIAABCDEFGHIJKLMNOP")] * 500
