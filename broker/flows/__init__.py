"""What the broker does, one verb per file. Every flow speaks to the ports in `ports.py` and takes time and randomness
as arguments.
"""
