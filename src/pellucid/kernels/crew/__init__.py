"""Who does the work: threads, their tasks, and the BLAS beside them."""
