"""What calls stand on: a loop on a thread of its own, streams read ahead in it, what a fork leaves, cheap imports."""
