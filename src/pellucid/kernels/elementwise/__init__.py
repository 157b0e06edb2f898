"""Element by element, in one pass over memory."""
