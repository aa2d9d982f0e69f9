"""Prints what polars makes of a sweep's directory."""

import sys

import polars as pl

parts = pl.scan_parquet(f"{sys.argv[1]}/runs/**/trace/*.parquet", hive_partitioning=True)
counts = parts.group_by("optimizer", "batch_size", "lr").agg(pl.len()).sort("optimizer").collect()
for row in counts.iter_rows():
    print(*row)
