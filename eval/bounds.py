"""The ends of an interval as our JSON files hold them."""

from typing import Self

from pydantic import model_validator

from shards.report_record import Facts, Number


class Bounds(Facts):
    """`low` and `high` are null where there is no bound, as with a single document."""

    low: Number | None
    high: Number | None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if (self.low is None) != (self.high is None) or (self.low is not None and self.high is not None and self.low > self.high):
            raise ValueError(f"not an interval: {self.low} to {self.high}")
        return self
