"""The application object, for gunicorn and the flask command."""

import sys

from peterental import create_app
from peterental.cli import needs_pages
from peterental.config import Config

app = create_app(Config.from_env_or_exit(), pages=needs_pages(sys.argv))
