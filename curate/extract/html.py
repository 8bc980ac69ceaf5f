"""HTML to the text of its main content, by Resiliparse (the extractor of DCLM, https://arxiv.org/abs/2406.11794)."""

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding


def html_text(page: bytes, charset: str | None = None) -> str:
    """Main content of a page as plain text; "" if there is none.

    `charset` is what the server said; without it, or if Python does not know it, the encoding is guessed from the bytes.
    """
    encoding = charset if charset and _known(charset) else detect_encoding(page, from_html_meta=True) or "utf-8"
    html = bytes_to_str(page, encoding)
    return extract_plain_text(html, main_content=True, alt_texts=False, preserve_formatting=True)


def _known(charset: str) -> bool:
    try:
        "".encode(charset)
    except LookupError:
        return False
    return True
