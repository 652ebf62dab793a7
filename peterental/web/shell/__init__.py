"""The shell of the pages: layout, session, sign-in, access control, errors."""
