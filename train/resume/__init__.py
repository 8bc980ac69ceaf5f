"""Whether and how a start of a run goes on from an earlier one."""
