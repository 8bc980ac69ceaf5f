"""Points that were measured in one way, and so can be compared."""

from dataclasses import dataclass, field

from eval.frontier.points import Changes, Point


@dataclass
class Measured:
    """Points with their changes over the base model, whose bits per byte by domain are `base`. `roles` holds the role of each domain, None where the
    outputs do not say it; `notes` says what was left out and why."""

    measure: str
    baseline: str
    base: dict[str, float]
    roles: dict[str, str | None]
    points: list[Point]
    changes: Changes
    notes: list[str] = field(default_factory=list)
