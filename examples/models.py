"""What the examples keep."""

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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"{self.title}: {self.level} to read"
