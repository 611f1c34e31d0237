"""What keeps one provider's trouble its own: circuit breaker, bulkhead, retry budget, clock offset. Pure state machines
with the clock passed in; `guard` puts them together for one provider.
"""
