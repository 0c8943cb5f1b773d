# A log prefix is free text. It reaches a shell only in quotes.
at 0s   drop out web-1 → 52.98.1.1:587 ×5 every 1m rule="x'; rm -rf / #$(id)`id` smtp"
expect mail-out-blocked fix~"P='x'\''; rm -rf / #$(id)`id` smtp' awk" fixes=2
