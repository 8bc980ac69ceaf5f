"""Many verdicts at once: p-values that keep the chance of a single false verdict among all of them at 5%."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Holm 1979); valid however the tests depend on each other.

    Rejecting all whose adjusted value is below 0.05 makes any false verdict at all in at most 5% of reports.
    """
    n, adjusted, largest = len(p_values), [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(n), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (n - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
