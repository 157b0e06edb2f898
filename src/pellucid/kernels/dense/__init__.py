"""Matrix products, and whole training steps of dense networks."""
