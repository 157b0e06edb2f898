"""The kernels that Numba compiles. Every module here imports Numba; reach them through `jit.load`."""
