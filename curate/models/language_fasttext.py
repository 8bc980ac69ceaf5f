"""Any fastText language model by path: lid.176 (Grave 2018), GlotLID (Kargaran et al. 2023, https://arxiv.org/abs/2310.16248), your own."""

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.models.language import UNKNOWN, Languages

_PREFIX = "__label__"


class FastTextModel:
    """Codes are the model's labels without `__label__`: `en` of lid.176, `eng_Latn` of GlotLID. Scores are its probabilities.

    Raises CurateError if the file is no fastText classifier.
    """

    def __init__(self, path: str) -> None:
        try:
            self._model = fasttext.load_model(path)
            labels = self._model.get_labels()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise CurateError(f"language.model {path}: not a fastText model ({error}); fetch it again with `curate fetch-model`") from None
        if not labels or not labels[0].startswith(_PREFIX):
            raise CurateError(f"language.model {path}: a fastText model without labels, so it classifies nothing")

    def identify(self, texts: pa.Array) -> Languages:
        """See `LanguageModel.identify`. fastText takes one line, so line feeds become blanks, as in datatrove's filter."""
        lines = pc.replace_substring(texts, "\n", " ")
        # The binding below fasttext.predict: one call a text without the checks and arrays of the Python layer.
        predict = self._model.f.predict
        found = [predict(line + "\n", 1, 0.0, "strict") for line in lines.to_pylist()]
        codes = [labels[0][1].removeprefix(_PREFIX) if labels else UNKNOWN for labels in found]
        scores = np.array([min(labels[0][0], 1.0) if labels else 0.0 for labels in found], dtype=np.float32)
        return Languages(pa.array(codes, pa.string()), scores)
