"""`python -m connectors.mock_idps.iamsmart DIR`: make the key files of a broker and its mock."""

import sys
from pathlib import Path

from connectors.mock_idps.iamsmart.authority import lay_out

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m connectors.mock_idps.iamsmart DIR")
    lay_out(Path(sys.argv[1]))
