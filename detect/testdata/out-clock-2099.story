# One line of a host whose clock is wrong: the counts are right, and it ends nobody's outage.
at 0s   drop out web-1 → 52.98.1.1:587 ×20 every 15s rule="[UFW BLOCK]" retry=2
at 1m   drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" clock=2099-06-01T00:00:00Z
at 2m   allow out web-1 → 52.98.1.1:587 rule="[UFW ALLOW]" clock=2199-06-01T00:00:00Z
expect mail-out-blocked state=open attempts=21 packets=61 first=0s last=2099-06-01T00:00:00Z summary~", none allowed"
