"""`make corpus FOLDER=…`: run a folder of SQL migrations through every command, and compare with plain psql."""
