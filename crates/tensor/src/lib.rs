//! Dense f32 tensors of dynamic rank, with broadcasting, reductions, matrix products and convolutions.
