"""The shell of the browser pages: layout, sign-in, the schema page."""
