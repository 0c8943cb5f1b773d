# Notes of packets that passed, or of which nobody knows.
at 0s   unknown in hp 203.0.113.9 → 192.0.2.10:25 ×90 every 1m sources=9 rule="INBOUND TCP:"
at 0s   unknown forward hp 203.0.113.9 → 192.0.2.10:25 ×90 every 1m sources=9 rule="INBOUND TCP:"
at 0s   unknown in hp 203.0.113.9:25 → 192.0.2.10 ×90 every 1m flags=SYN+ACK rule="INBOUND TCP:"
expect nothing
