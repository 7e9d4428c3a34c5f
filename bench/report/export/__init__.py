"""What the tables say, for other programs: rows with exact names -> CSV, JSON, LaTeX, Parquet."""
