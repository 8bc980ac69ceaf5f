import pyarrow as pa
import pytest

from mix.errors import MixError
from mix.sources import TokenSource, common_tokenizer
from shards.schemas import tokens_schema
from shards.write import write_set
from tests.mix.conftest import INFO


def test_sources_of_two_tokenizers_are_refused_with_both_named(tokens):
    web = TokenSource("web", [tokens("w", [3])])
    law = TokenSource("law", [tokens("l", [3]), tokens("m", [3], info=INFO | {"tokenizer_sha256": "6" * 64})])
    with pytest.raises(MixError, match=r"sources web \(.*w\) and law \(.*m\) have different tokenizer_sha256: 5{64} and 6{64}; tokenize all"):
        common_tokenizer([web, law])


def test_sources_of_two_id_widths_are_refused(tokens):
    with pytest.raises(MixError, match="different id_bytes: 2 and 4"):
        common_tokenizer([TokenSource("web", [tokens("w", [3])]), TokenSource("law", [tokens("l", [3], id_bytes=4)])])


def test_missing_facts_in_a_manifest_are_named(tmp_path, tokens):
    with pytest.raises(MixError, match=r"w: the manifest lacks tokenizer_sha256; make the set with `tokenize run`"):
        TokenSource("web", [tokens("w", [3], info={"n_vocab": 9, "eos_id": 1})])
    write_set(tmp_path / "uncounted", "tokens", tokens_schema(2), [], info=INFO)
    with pytest.raises(MixError, match=r"lacks n_tokens of part-00000\.arrow"):
        TokenSource("web", [tmp_path / "uncounted"])


def test_a_missing_folder_and_another_kind_are_named_with_the_source(tmp_path):
    with pytest.raises(MixError, match=r"source web: .*nowhere: no such folder"):
        TokenSource("web", [tmp_path / "nowhere"])
    schema = pa.schema([("n", pa.int64())])
    write_set(tmp_path / "set", "numbers", schema, [])
    with pytest.raises(MixError, match=r"source web: .* a set of numbers, expected tokens"):
        TokenSource("web", [tmp_path / "set"])


def test_the_content_of_a_source_depends_on_its_tokens_and_not_on_its_name(tokens):
    law, more = tokens("law", [3, 4]), tokens("more", [5], seed=1)
    alone, both = TokenSource("a", [law]), TokenSource("a", [law, more])
    assert TokenSource("b", [law]).content == alone.content == alone.sets[0].manifest.hash
    assert len({alone.content, both.content, TokenSource("a", [more, law]).content}) == 3 and len(both.content) == 32
