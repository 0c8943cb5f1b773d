# EdgeOS and VyOS say which rule it was: the default one.
at 0s  drop forward gw 10.0.0.5 → 198.51.100.7:587 ×4 every 1m rule="[LAN_IN-default-D]"
expect mail-out-blocked host=gw dir=forward cause=default-deny-out/certain summary~"10.0.0.5, behind gw" fixes=0
