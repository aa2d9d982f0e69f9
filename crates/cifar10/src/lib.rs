//! Reader of the CIFAR-10 binary format, its digests, and batching and shuffling orders.
