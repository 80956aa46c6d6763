"""What the programs' transactions write. Nothing in the table forbids doubles: they are to be seen."""

from django.db import models


class Booking(models.Model):
    run = models.CharField(max_length=26)
    step = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.run} {self.step}"
