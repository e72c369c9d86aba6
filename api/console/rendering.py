"""The console's pages."""

from pathlib import Path

from api.console.words import WORDS
from api.pages.rendering import Site

SITE = Site("/console", Path(__file__).with_name("templates"), WORDS)
page = SITE.page
