"""Lines and paragraphs for signals, your own included; the kernels are in `curate.kernels.lines`."""

from curate.kernels.lines import BLANK, ENDS_SENTENCE, Spans, chars_of, lines_of, paragraphs_of, sum_by_document

__all__ = ["BLANK", "ENDS_SENTENCE", "Spans", "chars_of", "lines_of", "paragraphs_of", "sum_by_document"]
