"""``manage.py doctor``: whether this installation can work, line by line, with the way out."""

import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from orchestrator.api.wire import dump
from orchestrator.doctor.examination import examine
from orchestrator.doctor.findings import Finding, Level
from orchestrator.management.ink import Ink, Tone
from orchestrator.management.terminal import TerminalCommand

TONES = {Level.OK: Tone.GOOD, Level.WARN: Tone.WARN, Level.FAIL: Tone.BAD}
TOPIC_WIDTH = 18


class Command(TerminalCommand):
    help = "Examine database, versions, clock, disk, functions and engine. Exit code 1 when something fails."
    needs_tables = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="findings as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        findings = list(examine())
        if json:
            self.say(dump({"findings": findings, "ok": not _failed(findings)}).decode())
        else:
            self._print(findings, Ink.of(self, options))
        if _failed(findings):
            self.stdout.flush()
            sys.exit(1)

    def _print(self, findings: list[Finding], ink: Ink) -> None:
        for finding in findings:
            word = ink.paint(f"{finding.level:<4}", TONES[finding.level])
            self.say(f"{word}  {finding.topic:<{TOPIC_WIDTH}} {finding.text}")
            for line in finding.detail.splitlines():
                self.say(f"{'':<6}{ink.paint(line, Tone.FAINT)}")
            if finding.hint:
                self.say(f"{'':<{TOPIC_WIDTH + 7}}{ink.arrow} {finding.hint}")
        count = Counter(finding.level for finding in findings)
        self.say(f"\n{count[Level.OK]} ok, {count[Level.WARN]} to look at, {count[Level.FAIL]} failed")


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level is Level.FAIL for finding in findings)
