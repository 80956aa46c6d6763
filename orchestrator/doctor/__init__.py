"""What ``manage.py doctor`` looks at: each module answers findings, and none of them changes anything."""
