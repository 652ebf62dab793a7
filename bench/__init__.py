"""What `make bench` runs: each section measures one part of the product against its floor and its peers, in one run.

A section is a module or package of this folder, named in `SECTIONS` of `__main__`, with a `TITLE` and a function
`measure(bench)` that yields `Table`s, and remarks, as they are ready. Nothing here knows more about it than that.

section   what a section is given to work with
measure   rounds, medians, ratios
table     tables and promises, as aligned text
document  docs/benchmarks.md, one part per section
machine   where and when it was measured
programs  other programs: run, timed, killed when they take too long
server    a PostgreSQL of the bench's own
peers     the other tools, in a virtualenv of their own
"""
