"""The Public Suffix List (https://publicsuffix.org), as it comes with tldextract: nothing is fetched."""

from functools import cache


@cache
def suffix_rules(private: bool = False) -> tuple[str, ...]:
    """Rules in small letters, `*.ck` and `!www.ck` included, in Unicode and as ASCII (`xn--…`), sorted.

    `private`: also suffixes under which companies let others register, such as blogspot.com; then sites there count as domains of their own.
    """
    from tldextract import TLDExtract

    extractor = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=private)
    rules = {rule.lower() for rule in extractor.tlds}
    return tuple(sorted(rules | {_ascii(rule) for rule in rules}))


def _ascii(rule: str) -> str:
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in rule.split("."))
