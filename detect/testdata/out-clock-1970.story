# A clock that was lost: two tries half a century apart are not a lasting outage.
at 0s   drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]"
at 1m   drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" clock=1970-01-01T00:00:10Z
expect mail-out-blocked severity=medium attempts=2
