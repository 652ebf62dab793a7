"""The benchmarks of `make bench`: each section compares one part of the product with a baseline and with other tools.

A section is a module or package of this folder, named in `SECTIONS` of `__main__`, with a `TITLE` and a function
`measure(bench)` that yields `Table`s and remarks as they become ready.

section   the arguments of a section
measure   rounds, medians, ratios
table     tables and targets, as aligned text
document  docs/benchmarks.md, one part per section
machine   where and when it was measured
programs  run other programs, with time limits
server    the PostgreSQL server of the benchmarks
peers     the other tools, in a separate virtualenv
"""
