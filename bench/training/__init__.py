"""What happens: jobs are planned and trained, and one run can be trained again."""
