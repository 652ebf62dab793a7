"""The shell of the browser pages: layout, session, sign-in, access control, error pages, the schema page."""
