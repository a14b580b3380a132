"""Servers that misbehave: whatever they do, a call ends as the policy says, in its time, with nothing left behind."""
