"""Papers to keep or to hand over: one description of blocks, one PDF, the same bytes for the same content and time
(specs/impact-assessment.md 7, specs/decisions/pdf-library.md).
"""

from broker.paper.blocks import Block, Heading, Image, KeyValues, Language, Paper, Paragraph, Table
from broker.paper.pdf import to_pdf

__all__ = ["Block", "Heading", "Image", "KeyValues", "Language", "Paper", "Paragraph", "Table", "to_pdf"]
