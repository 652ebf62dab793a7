"""Fault injection for notices: mail and text servers that die and lie; then every letter that they took is judged.

periods    how long everything takes in the lab: seconds instead of minutes
work       the worker of background jobs with these periods, and the mechanisms that can be switched off
deck       deals the mishaps, each before any comes again
journal    what happened at the servers, for the story of a notice
mail       the mail server
texts      Twilio
reports    what Twilio reports about texts: late, twice, out of order, forged
web        requests to PeteRental, as Twilio and browsers send them
visitors   who book, move, cancel, answer texts and say stop
agents     whose viewings they are, and who change them
record     triggers that keep every hand-over and every state
check      compares what the servers took with that history
lab        the processes, the faults that end them, and the run
"""
