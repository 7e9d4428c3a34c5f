"""What lies in results/: runs and what a suite holds beside them. Only this room writes there."""
