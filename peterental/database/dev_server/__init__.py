"""The development server: PostgreSQL started by whoever comes first, shared, and stopped by whoever leaves last.

    with join(Path("instance/postgres")) as lease:
        psycopg.connect(lease.url)

faults    what an operator can be told
system    accounts, private files, a look at a process, waiting
programs  running PostgreSQL's programs, and why one of them failed
place     where data and binaries live, and who the server runs as
cluster   the data folder, made once: initdb, role, database, password
server    the postmaster: find it, start it, stop it
lease     who is using it: the only door, `join` and `Lease`
"""

from peterental.database.dev_server.lease import Lease, join

__all__ = ["Lease", "join"]
