"""Tables: Parquet, Arrow, CSV and TSV."""
