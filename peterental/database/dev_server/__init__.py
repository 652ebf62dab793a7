"""The development server: an embedded PostgreSQL that the first process starts and the last one stops.

    with join(Path("instance/postgres")) as lease:
        psycopg.connect(lease.url)

errors    the faults that an operator can resolve
os_utils  accounts, private files, processes, waiting
programs  run PostgreSQL's programs and find out why one failed
paths     where data and binaries are, and which account runs the server
cluster   the data folder, created once: initdb, role, database, password
server    find, start and stop the postmaster
lease     count the processes that use the server; the public API, `join` and `Lease`
"""

from peterental.database.dev_server.lease import Lease, join

__all__ = ["Lease", "join"]
