# The prefix says nothing, but the rule stops nothing but mail.
at 0s  drop out mx-1 → 198.51.100.7:25 ×6 every 5m rule="R42"
expect mail-out-blocked cause=explicit-rule/likely severity=high
