"""The measures of all probes: what each one says, and which direction is better."""

from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """A figure with an interval. Its items are pairs of numerator and denominator, and the figure is the ratio of their sums.

    `better`: which direction is an improvement; None for figures that only describe, which get no verdict.
    """

    probe: str
    unit: str
    better: Literal["lower", "higher"] | None
    meaning: str


MEASURES: dict[str, Measure] = {
    "greedy_repeated_4_grams": Measure("generation", "share", "lower", "4-grams of a greedy continuation that occurred before in it"),
    "greedy_loops": Measure("generation", "share", "lower", "greedy continuations that end in a cycle"),
    "greedy_distinct_2_grams": Measure("generation", "share", None, "2-grams of a greedy continuation that are different"),
    "greedy_compression_ratio": Measure("generation", "ratio", None, "bytes of a greedy continuation over its bytes after zlib"),
    "greedy_ended": Measure("generation", "share", None, "greedy continuations that the model ended itself"),
    "sampled_repeated_4_grams": Measure("generation", "share", "lower", "4-grams of a sampled continuation that occurred before in it"),
    "sampled_loops": Measure("generation", "share", "lower", "sampled continuations that end in a cycle"),
    "sampled_distinct_2_grams": Measure("generation", "share", None, "2-grams of a sampled continuation that are different"),
    "sampled_compression_ratio": Measure("generation", "ratio", None, "bytes of a sampled continuation over its bytes after zlib"),
    "sampled_ended": Measure("generation", "share", None, "sampled continuations that the model ended itself"),
    "end_probability": Measure("generation", "probability", "higher", "probability of the end of text where the document ends"),
    "wrong_language_lines": Measure("language", "share", "lower", "lines of a prompt's continuations in another language"),
    "passes": Measure("language", "share", None, "prompts without a line in another language (line-level pass rate)"),
    "wrong_script_letters": Measure("language", "share", "lower", "letters of a prompt's continuations in another script"),
    "copied_tokens": Measure("copying", "share", "higher", "tokens of the second copy that are the model's first choice"),
    "copying_gain": Measure("copying", "nats per token", "higher", "loss on the first copy minus loss on the second"),
    "first_copy_loss": Measure("copying", "nats per token", None, "loss on the first copy"),
    "second_copy_loss": Measure("copying", "nats per token", None, "loss on the second copy"),
    "rule_found": Measure("in_context", "share", "higher", "questions whose right answer is the most probable one"),
    "gain_from_examples": Measure("in_context", "bits per symbol", "higher", "bits of the right answer after exchanged examples minus after the right ones"),
    "answer_bits": Measure("in_context", "bits per symbol", None, "bits of the right answer after the right examples"),
    "ends_turn": Measure("chat", "share", "higher", "answers that end with the template's end-of-turn token"),
    "format_followed": Measure("chat", "share", "higher", "answers in the form that was asked for"),
    "role_leaks": Measure("chat", "share", "lower", "answers that go on in another role"),
    "gold_answer_bits": Measure("chat", "bits per byte", "lower", "bits of a right answer and its end of turn, in the template"),
    "calibration_error": Measure("calibration", "share", "lower", "expected calibration error of the first choice"),
    "overconfidence": Measure("calibration", "share", None, "mean probability of the first choice minus the share that is right"),
    "entropy_minus_loss": Measure("calibration", "bits per byte", None, "0 for a calibrated model, negative for one that is too sure"),
    "bits_per_byte_full": Measure("low_bits", "bits per byte", None, "bits per byte with full weights"),
    "bits_per_byte_int8": Measure("low_bits", "bits per byte", None, "bits per byte with int8 weights"),
    "bits_per_byte_nf4": Measure("low_bits", "bits per byte", None, "bits per byte with nf4 weights"),
    "lost_by_int8": Measure("low_bits", "bits per byte", "lower", "bits per byte that int8 weights add"),
    "lost_by_nf4": Measure("low_bits", "bits per byte", "lower", "bits per byte that nf4 weights add"),
}

HUMAN = "human"
"""Name under which the authors' own continuations are measured, beside the models."""


def range_of(name: str) -> tuple[float, float] | None:
    """The lowest and highest value that a measure can have; None if it has no bounds."""
    if name == "overconfidence":
        return -1.0, 1.0
    return (0.0, 1.0) if MEASURES[name].unit in ("share", "probability") else None
