"""Graph → machine code. It knows nothing of gradients."""
