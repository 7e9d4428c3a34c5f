"""Training: one run of one network; same spec, same environment, same bits."""
