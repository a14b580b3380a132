"""Virtual keys: who may call which handles, for how much money, and how often; and what each has spent."""
