"""Load over HTTP. Imports nothing: its generator is a program that starts many times, and must start fast."""
