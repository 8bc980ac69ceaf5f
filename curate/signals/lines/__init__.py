"""Lines and paragraphs as signals see them. Signals of your own import from here; the kernels behind it are in `curate.kernels.lines`."""

from curate.kernels.lines import BLANK, ENDS_SENTENCE, Spans, chars_of, lines_of, paragraphs_of, sum_by_document

__all__ = ["BLANK", "ENDS_SENTENCE", "Spans", "chars_of", "lines_of", "paragraphs_of", "sum_by_document"]
