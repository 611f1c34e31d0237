"""A mock iAM Smart that speaks the dialect on the wire, with invented people (specs/iamsmart.md)."""
