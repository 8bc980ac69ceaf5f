"""The four stages of a run (measure, decide, compare, write), and the code that runs them."""
