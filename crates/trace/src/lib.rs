//! The trace of a training run: its schema, Parquet files and TensorBoard events.
