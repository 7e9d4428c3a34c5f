"""What a person brings: architectures, recipes, seeds, data sets."""
