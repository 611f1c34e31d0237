"""Two screens on loopback: one instruction at a time for the traveller, recent decisions for the officer."""
