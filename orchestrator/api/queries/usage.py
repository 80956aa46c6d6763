"""How far a run is, and what it uses."""

from orchestrator.api.queries.rows import rows
from orchestrator.api.values import Progress, Sample
from orchestrator.models import Progress as ProgressRow
from orchestrator.models import Sample as SampleRow


def progress_of(run_id: str) -> Progress | None:
    row = rows(ProgressRow).filter(run=run_id).first()
    return None if row is None else Progress(row.fraction, row.message, row.at)


def samples_of(run_id: str) -> list[Sample]:
    found = rows(SampleRow).filter(run=run_id).order_by("second")
    return [Sample(row.second, row.cpu_percent, row.memory_bytes) for row in found]
