from tokenizers import Tokenizer

from tests.tokenize_tools.samples import byte_fallback
from tokenize_tools.round_trip import changed_scalars


def test_a_character_that_a_tokenizer_loses_is_named(tmp_path):
    lossy = Tokenizer.from_file(str(byte_fallback(tmp_path / "llama") / "tokenizer.json"))
    assert changed_scalars(lossy, [chr(point) for point in range(0x2500, 0x2600)]) == ["U+2581"]
