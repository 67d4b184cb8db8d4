"""What follows from an edit in a document's room."""

from collab.mirror import MirroredKind
from documents.models import Document

DOCUMENT = MirroredKind(Document)
