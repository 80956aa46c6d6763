"""What authors import (re-exported by ``orchestrator``)."""
