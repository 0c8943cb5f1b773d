# The rule that stops mail is another one than the one that stops the rest.
at 0s   drop out web-1 → 151.101.1.1:0 ×60 every 20s ports=80,443,53/udp,123/udp,22 dests=5 rule="final drop"
at 0s   drop out web-1 → 52.98.1.1:587 ×9 every 1m rule="no-smtp"
expect mail-out-blocked rule=no-smtp severity=high
