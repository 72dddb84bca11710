"""What a program is: types, trees, operations, graphs, arrays and the trace that turns one into the other."""
