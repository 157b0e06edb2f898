"""The methods: one file each, and a line in `explain.catalogue`."""
