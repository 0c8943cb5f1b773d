# Seven SYNs of one connection within 127 s are one attempt; the same port used again ten minutes later is another.
at 0s   drop out web-1 → 52.98.1.1:587 sport=41000 rule="[UFW BLOCK]" retry=6
at 10m  drop out web-1 → 52.98.1.1:587 sport=41000 rule="[UFW BLOCK]" retry=6
expect mail-out-blocked attempts=2 packets=14
