"""The small language of the loops: vectors, tiles, numbers in memory. Only here is LLVM."""
