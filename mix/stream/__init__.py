"""Reading a mix: any rows of the run, for any rank of any world, from one integer.

Needs numpy and pyarrow, and torch only in `mix.stream.datasets`. The state of every reader is the number of the next row and the plan's hash; rows
read ahead are never part of it.
"""

from mix.stream.ahead import prepared_ahead
from mix.stream.batch import RowBatch
from mix.stream.reader import Mix, open_mix
from mix.stream.row_stream import RowStream

__all__ = ["Mix", "RowBatch", "RowStream", "open_mix", "prepared_ahead"]
