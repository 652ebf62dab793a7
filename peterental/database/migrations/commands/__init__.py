"""What the other flask db-… commands do: adopt, repair, rollback, new."""
