from mix.build import build
from mix.recipe import MixRecipe
from mix.stream import open_mix
from tests.mix.conftest import read_documents


def test_every_token_of_a_row_is_that_of_its_document(tmp_path, tokens):
    folder = tokens("a", [5, 300, 0, 64, 17, 1] * 9)
    build(
        MixRecipe.model_validate(
            {"name": "t", "row_tokens": 64, "out": tmp_path / "out", "tokens": 2000, "weights": {"a": 1}, "sources": {"a": {"tokens": folder}}}
        )
    )
    documents = read_documents(folder)
    mix = open_mix(tmp_path / "out")
    batch = mix.rows(0, mix.n_rows)
    for row in range(mix.n_rows):
        place = 0
        for segment in range(batch.seg_offsets[row], batch.seg_offsets[row + 1]):
            start, length = batch.seg_starts[segment], batch.seg_lengths[segment]
            document = documents[batch.seg_doc_ids[segment].tobytes()]
            assert batch.input_ids[row, place : place + length].tolist() == document[start : start + length]
            place += length
        assert place == batch.n_tokens[row]
        assert (batch.input_ids[row, place:] == mix.pad_id).all()
