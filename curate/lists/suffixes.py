"""The Public Suffix List (https://publicsuffix.org) in the copy that tldextract ships; nothing is downloaded."""

from functools import cache


@cache
def suffix_rules(private: bool = False) -> tuple[str, ...]:
    """Sorted lower-case rules, including those like `*.ck` and `!www.ck`, in Unicode and in ASCII (`xn--…`).

    `private`: include suffixes under which companies let others register, such as blogspot.com; sites there are then separate domains.
    """
    from tldextract import TLDExtract

    extractor = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=private)
    rules = {rule.lower() for rule in extractor.tlds}
    return tuple(sorted(rules | {_ascii(rule) for rule in rules}))


def _ascii(rule: str) -> str:
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in rule.split("."))
