"""What the examples keep: the effects of their runs, to be seen in the admin."""

from django.db import models


class Analysis(models.Model):
    """The analysis of a document, one a run."""

    run = models.CharField(max_length=26, unique=True)
    title = models.CharField(max_length=300)
    words = models.IntegerField()
    sentences = models.IntegerField()
    reading_ease = models.FloatField()
    grade = models.FloatField(help_text="Years of school")
    level = models.CharField(max_length=20)
    keywords = models.JSONField(default=dict, help_text="How often each comes")
    summary = models.TextField(blank=True)
    summarised_by = models.CharField(max_length=100, blank=True, help_text="A language model, or this machine")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"{self.title}: {self.level} to read"


class Mail(models.Model):
    """A mail as an app would send it: nothing leaves this machine."""

    to = models.TextField()
    subject = models.TextField()
    text = models.TextField(blank=True)
    sent_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"to {self.to}: {self.subject}"


class Invoice(models.Model):
    """The invoice of an order; its number is the primary key."""

    order = models.IntegerField()
    email = models.TextField()
    amount_cents = models.IntegerField()
    receipt = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, default="open", choices=[(s, s) for s in ("open", "paid", "unpaid")])

    def __str__(self) -> str:
        return f"invoice {self.pk} of order {self.order}: {self.state}"


class Charge(models.Model):
    """What the bank of the examples was asked to book, and when it did: once for each key."""

    key = models.CharField(max_length=100, unique=True)
    amount_cents = models.IntegerField()
    calls = models.IntegerField(default=1)
    booked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.amount_cents / 100:.2f} for {self.key}"


class Article(models.Model):
    """A text that an editor approves or declines."""

    title = models.TextField()
    text = models.TextField()
    author = models.TextField()
    approved_by = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title


class Commit(models.Model):
    """A commit that GitHub told of."""

    sha = models.CharField(max_length=64, unique=True)
    repository = models.TextField()
    subject = models.TextField()
    author = models.TextField()

    def __str__(self) -> str:
        return f"{self.repository} {self.sha[:7]}: {self.subject}"


class DayReport(models.Model):
    """How many mails a day had, and how many rows were too old to keep."""

    day = models.DateField(unique=True)
    mails = models.IntegerField()
    recipients = models.IntegerField()
    deleted = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: {self.mails} mails to {self.recipients}"
