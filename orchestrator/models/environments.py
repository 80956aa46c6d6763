"""Environments, keys, and the record of what operators did."""

from django.db import models

from orchestrator.models.fields import JsonField, MomentField, UlidField


class Environment(models.Model):
    """A separate world of events and runs. Row 1 is ``default``."""

    name = models.SlugField(max_length=64, unique=True)

    class Meta:
        db_table = "signalbox_environment"

    def __str__(self) -> str:
        return self.name


class Key(models.Model):
    """A secret of 256 random bits; only its SHA-256 is kept, so it is shown once."""

    class Kind(models.TextChoices):
        EVENT = "event"
        API = "api"

    id = UlidField(primary_key=True)
    env = models.ForeignKey(Environment, on_delete=models.CASCADE)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=100)
    # Every request with a key: by its hash.
    sha256 = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=16)
    created_at = MomentField()
    revoked_at = MomentField(null=True)

    class Meta:
        db_table = "signalbox_key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Audit(models.Model):
    """One action of an operator: who, when, on what, why, and the difference."""

    id = UlidField(primary_key=True)
    env = models.IntegerField()
    at = MomentField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=255)
    reason = models.TextField(default="")
    before = JsonField(null=True)
    after = JsonField(null=True)

    class Meta:
        db_table = "signalbox_audit"

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"
