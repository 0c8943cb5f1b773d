# One client: the way is opened for it alone.
at 0s   drop forward gw 192.168.1.20 → 142.250.102.108:465 ×4 every 1m rule="[UFW BLOCK]"
expect mail-out-blocked fix~"sudo ufw route allow from 192.168.1.20 to any port 465 proto tcp" note~"Run the check on 192.168.1.20"
