"""What the records prove: claims judged, arms compared, seeds planned. No torch."""
