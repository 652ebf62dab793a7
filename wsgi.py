"""The application object, for gunicorn and the flask command."""

from peterental import create_app
from peterental.config import Config

app = create_app(Config.from_env_or_exit())
