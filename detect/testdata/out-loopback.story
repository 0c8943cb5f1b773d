# Local delivery.
at 0s   drop out web-1 127.0.0.1 → 127.0.0.1:25 ×9 every 1m rule="[UFW BLOCK]" out=lo
expect mail-out-blocked severity=medium summary~"cannot hand mail to itself"
