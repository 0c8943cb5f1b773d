# A rule was added: the mail that was stopped passes.
at 0s   drop out web-1 → 52.98.1.1:587 ×20 every 15s rule="[UFW BLOCK]" retry=2
at 20m  allow out web-1 → 52.98.1.1:587 rule="[UFW ALLOW]"
expect mail-out-blocked state=resolved attempts=20 packets=60 summary~"can again" fixes=0
