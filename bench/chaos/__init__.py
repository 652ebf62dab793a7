"""Fault injection, `make chaos`: calls continue while processes are killed; then the database is checked.

postgres     a server that can be killed and restarted
release      one running version of PeteRental
balancer     the port in front of the versions, like a hosting provider's load balancer
lab_agents   the agents whom they call
callers      the phone calls, and the answers that each caller heard
phone        delivers messages as Vapi does
faults       the injected faults
consistency  compares those answers with the database
"""
