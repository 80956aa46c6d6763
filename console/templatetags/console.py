"""Icons and status glyphs as SVG that refers to a sprite."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the Lucide sprite, decoration beside words."""
    sprite = static("console/vendor/lucide.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name)


@register.simple_tag
def glyph(status: str) -> SafeString:
    """The shape of a status; the word stands beside it."""
    sprite = static("console/glyphs.svg")
    return format_html(
        '<svg class="glyph" data-status="{}" aria-hidden="true"><use href="{}#{}"/></svg>', status, sprite, status
    )


@register.simple_tag
def glyph_href(name: str) -> str:
    return f"{static('console/glyphs.svg')}#{name}"
