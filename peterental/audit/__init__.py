"""The audit log: manual changes, with the values before and after."""
