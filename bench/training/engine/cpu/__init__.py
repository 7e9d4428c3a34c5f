"""The fused steps of the CPU."""
