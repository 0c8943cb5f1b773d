# syslog folds what repeats: "message repeated 4 times".
at 0s  drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" ×3 every 1m
at 1s  drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" sport=40000 count=4
expect mail-out-blocked attempts=3 packets=7
