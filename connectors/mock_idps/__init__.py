"""Identity providers to develop and demonstrate against: real servers, invented people, strict about the protocol."""
