"""Tests here share how they load the programs of roles."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
