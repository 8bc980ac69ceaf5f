"""The ratio with its error bar, on real text: proxies, laws, a suggestion under a budget, and runs that test it."""
