"""suggestion.html: one page that shows a suggestion, its figures and how sure they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mix.suggest import figures, show
from mix.suggest.confirm import words
from mix.suggest.record import SuggestionRecord
from shards import page
from shards.page.colors import source_colors


def render(suggestion: SuggestionRecord) -> str:
    """The page as HTML."""
    names = [*suggestion.shares, *(domain.name for domain in suggestion.domains)]
    colors = source_colors(names)
    plots = {
        "curves": figures.loss_curves(suggestion, colors),
        "shares": figures.share_region(suggestion, colors),
        "planes": figures.gain_against_forgetting(suggestion, colors),
    }
    sentences = {
        "status": show.status_words(suggestion),
        "ratio": show.ratio_words(suggestion.shares),
        "flattery": show.flattery_words(suggestion),
        "binding": show.binding_words(suggestion),
    }
    filters: dict[str, Callable[..., Any]] = {
        "percent": lambda value, digits=2: "–" if value is None else f"{value:.{digits}%}",
        "loss": lambda value: "–" if value is None else f"{value:.4f}",
        "change": show.change_words,
        "forms": show.forms_words,
        "ratio": show.ratio_words,
        "outcomes": words,
    }
    return page.render(Path(__file__).parent / "page.html.j2", filters, suggestion=suggestion, plots=plots, colors=colors, say=sentences)
