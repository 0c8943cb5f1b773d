# One line from 2099 does not keep an outage open for ever.
at 0s   drop out web-1 → 52.98.1.1:587 ×20 every 15s rule="[UFW BLOCK]" retry=2
at 1m   drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" clock=2099-06-01T00:00:00Z
at 20m  allow out web-1 → 52.98.1.1:587 rule="[UFW ALLOW]"
expect mail-out-blocked state=resolved attempts=21
