import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.decontaminate.words import word_places
from curate.kernels.buffers import frozen, text_buffers
from tests.curate.decontaminate.reading import hashed, reference, words_of


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from("aB1 .,-é日本ไท\u0301\u0327Σ한\u2000\n3٣'\U0001d15e"), max_size=25), max_size=4))
@example(["1,234.5 12. 3 日本 a日b \u0301 \u0301x", "", "ΑΣ ΣΑ"])
def test_words_lie_in_the_original_where_they_simplify_to_themselves(documents):
    words, (utf8, offsets) = hashed(*documents), text_buffers(pa.array(documents, pa.large_string()))
    for doc, text in enumerate(documents):
        mine = slice(words.doc_offsets[doc], words.doc_offsets[doc + 1])
        assert [words.utf8[a:b].tobytes().decode() for a, b in zip(words.starts[mine], words.ends[mine], strict=True)] == words_of(text)
        starts, ends = word_places(frozen(utf8), offsets[doc], offsets[doc + 1], mine.stop - mine.start)
        if "Σ" not in text:
            originals = [text.encode()[a:b].decode() for a, b in zip(starts, ends, strict=True)]
            assert [reference(original) for original in originals] == words_of(text)
