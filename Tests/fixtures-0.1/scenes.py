"""What state folders of version 0.1 can look like: each scene plays on a `Site` and answers with what must be true in the end."""

import feeds
import streams
import wholes
from words import ALL

__all__ = ["ALL", "feeds", "streams", "wholes"]
