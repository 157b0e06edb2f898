"""One sample through several layers in one call."""
