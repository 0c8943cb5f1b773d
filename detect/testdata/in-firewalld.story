# firewalld's zone is in the prefix.
site servers=192.0.2.25
at 0s   reject in mx-1 203.0.113.10 → 192.0.2.25:25 ×40 every 1m sources=20 rule="filter_IN_public_REJECT:"
expect mail-in-blocked severity=high fix="sudo firewall-cmd --permanent --zone public --add-service smtp && sudo firewall-cmd --reload" undo="sudo firewall-cmd --permanent --zone public --remove-service smtp && sudo firewall-cmd --reload"
