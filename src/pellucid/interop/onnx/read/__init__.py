"""Reading ONNX: `file` checks what a file says, `convert` walks through its nodes, `operators` translates each."""
