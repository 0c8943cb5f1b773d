# After the repair mail passes.
at 0s   drop out web-1 → 52.98.1.1:587 ×9 every 1m rule="final drop"
at 0s   drop out web-1 → 151.101.1.1:0 ×60 every 10s ports=80,443,53/udp,123/udp,22 dests=5 rule="final drop"
at 1h   allow out web-1 → 52.98.1.1:587 ×3 every 1m rule="mail accept"
expect blanket-deny state=resolved fixes=0
expect mail-out-blocked state=resolved
