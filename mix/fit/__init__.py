"""Laws fitted to a table of runs, tested on what was held out of it, and chosen by that test."""
