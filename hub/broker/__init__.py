"""RabbitMQ carries the work: wakes (ids only) from the outbox to the stations, at least once.

Owns: topology, the wire form of a wake, publishing with confirms, consuming, and the in-process twin.
Never: holds the truth; losing the broker loses nothing.
"""
