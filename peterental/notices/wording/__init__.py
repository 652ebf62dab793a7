"""The wordings of notices: built in, or changed by an admin; rendered with the values of one notice."""
