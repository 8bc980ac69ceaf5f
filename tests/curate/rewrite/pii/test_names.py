import pytest

from curate.errors import CurateError
from curate.rewrite.pii.names import NameFinder


def test_names_come_from_a_spacy_pipeline_and_a_wrong_one_is_refused(tmp_path):
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Zoë Doe"}, {"label": "ORG", "pattern": "Acme"}])
    pipeline.to_disk(tmp_path / "names")
    import pyarrow as pa

    docs, starts, ends = NameFinder(str(tmp_path / "names"))(pa.array(["", "é Zoë Doe of Acme\n" * 9000]))
    assert docs.tolist() == [1] * 9000 and starts[:2].tolist() == [3, 23] and ends[:2].tolist() == [11, 31]
    with pytest.raises(CurateError, match=r"rewrite\.pii\.names: no spaCy pipeline or transformers folder 'nothing'"):
        NameFinder("nothing")
