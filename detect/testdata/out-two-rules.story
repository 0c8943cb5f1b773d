# Two rules are two findings, and so are two ports.
at 0s   drop out web-1 → 52.98.1.1:587 ×4 every 1m rule="a-smtp"
at 1s   drop out web-1 → 52.98.1.2:587 ×5 every 1m rule="b-smtp"
at 2s   drop out web-1 → 52.98.1.2:25 ×6 every 1m rule="b-smtp"
expect mail-out-blocked rule=a-smtp port=587 attempts=4
expect mail-out-blocked rule=b-smtp port=587 attempts=5
expect mail-out-blocked rule=b-smtp port=25 attempts=6
