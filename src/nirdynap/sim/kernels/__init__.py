"""The loops that Numba compiles; the only place where Numba is imported."""
