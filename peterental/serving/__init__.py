"""The gunicorn worker that slow clients cannot stop; see docs/decisions/021-slow-clients.md.

`limits` has the figures, `reader` assembles requests, `output` sends what the socket takes, `exchange` runs the
application, `connection` is the state machine of one connection, `registry` knows who waits and until when, and
`worker` has the threads.
"""
