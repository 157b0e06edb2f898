"""Direct convolution: any window, any groups."""
