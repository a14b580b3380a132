"""What a call would use and cost, before it is made: bounds for each member, and the guesses they are made of.

`expectations` is asked at every call and knows nothing of the rest: so nothing is imported here.
"""
