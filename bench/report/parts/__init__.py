"""What two sections or more have in common."""
