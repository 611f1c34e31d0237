"""iAM Smart (智方便), Hong Kong, in its own dialect: specs/iamsmart.md."""
