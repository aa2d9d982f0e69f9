"""Prints what DuckDB makes of a sweep's directory."""

import sys

import duckdb

out = sys.argv[1]
parts = f"read_parquet('{out}/**/trace/*.parquet', hive_partitioning = true, hive_types = {{'lr': DOUBLE}})"
for query in (
    f"SELECT optimizer, count(*) FROM {parts} GROUP BY optimizer ORDER BY optimizer",
    f"SELECT batch_size, lr, learning_rate, seed, min(step), max(step), max(output_logits__value__mean) FROM {parts} GROUP BY ALL ORDER BY ALL",
    f"SELECT optimizer, lr, status, diverged_at_step, test_loss FROM '{out}/runs.parquet' ORDER BY optimizer",
    f"SELECT optimizer, epoch, output_logits__value__mean__mean_over_steps FROM read_parquet('{out}/runs/**/epochs.parquet', hive_partitioning = true) ORDER BY ALL",
    f"SELECT DISTINCT encodings LIKE '%BYTE_STREAM_SPLIT%', compression FROM parquet_metadata('{out}/runs/**/trace/*.parquet') WHERE path_in_schema = 'output_logits__value__mean'",
):
    for row in duckdb.sql(query).fetchall():
        print(*row)
