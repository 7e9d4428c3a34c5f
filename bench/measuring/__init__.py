"""What an architecture costs and sees: measured from the network, or from trained weights."""
