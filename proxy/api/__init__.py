"""The facts about Customer.io: its endpoints and limits, the match of a request to an endpoint, and the headers that pass."""
