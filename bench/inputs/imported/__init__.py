"""Results of others: files and exports of other programs, read into records that say so."""
