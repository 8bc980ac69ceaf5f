"""Jobs for the tests of engines."""

from curate.errors import CurateError


def double_or_fail(n: int) -> int:
    if n == 3:
        raise CurateError("three is too many")
    if n == 5:
        raise ValueError("five")
    return 2 * n


def outcomes(results: object) -> dict[int, object]:
    return {number: str(result) if isinstance(result, Exception) else result for number, result in results}  # type: ignore[attr-defined]
