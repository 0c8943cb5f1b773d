# Public clients are ours if the configuration says so.
site networks=198.51.100.0/24
at 0s   reject forward gw 198.51.100.20 → 203.0.113.8:587 ×4 every 1m rule="fw-reject: "
expect mail-out-blocked host=gw dir=forward severity=high
