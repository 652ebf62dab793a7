"""Fault injection, `make chaos`: calls continue while processes are killed; then the database is checked.

postgres     a server that can be killed and restarted
release      one running version of PeteRental
balancer     the port in front of the versions, like a hosting provider's load balancer
lab_agents   the agents whom they call
callers      the phone calls, and the answers that each caller heard
phone        delivers messages as Vapi does
faults       the injected faults
consistency  compares those answers with the database

lab_calendars   the calendars of some agents, whose time passes faster
stand_ins       the providers of these calendars, which misbehave on demand
people          who add, move and delete events meanwhile
calendar_check  compares bookings and events with what the calendars held at each moment

notices         mail and text servers that die and lie: a lab of its own
"""
