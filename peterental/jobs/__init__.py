"""Background jobs: deferred in the transaction of the change that causes them, and run by `peterental.worker`."""
