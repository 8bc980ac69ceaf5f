"""`python -m docs.generate` writes the generated pages of the reference anew."""

from pathlib import Path

from docs.generate.pages import pages

DOCS = Path(__file__).parent.parent


def main() -> None:
    """Write every generated page, and every generated part of a page."""
    for name, text in pages(DOCS).items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
