"""Mail without a mail server: a row and a line of the run's log."""

import logging

from examples.models import Mail

logger = logging.getLogger(__name__)


def send_mail(to: str, subject: str, text: str = "") -> int:
    """The number of the mail. In ``step.transaction`` it is sent exactly once."""
    mail = Mail.objects.create(to=to, subject=subject, text=text)
    logger.info("mail to %s: %s", to, subject)
    return mail.pk
