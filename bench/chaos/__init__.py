"""The fault lab, `make chaos`: phone calls go on and on while things are killed, and then the books are checked.

The parts: `postgres` is a server that can be killed and started again, `release` one running version of PeteRental,
`balancer` the one port before them (as a hosting provider has it), `callers` the phone calls and what each caller
heard, `faults` what goes wrong and when, `books` the comparison of what was heard with what is in the database.
"""
